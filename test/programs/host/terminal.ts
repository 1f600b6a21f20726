import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Milliseconds after which a program that hangs is killed. */
const TIMEOUT = 120_000

export interface AtTerminal {
  readonly code: number | null
  readonly output: string
  /** What another user typed meanwhile: the shell would do it next. */
  readonly typed: string
}

/**
 * A shell script that does the work of another one at its terminal, and writes to the file `typed`
 * what another user has typed there meanwhile.
 */
export function terminalWork(script: string, typed: string): string {
  // Without a minimum the terminal has an end where nothing was typed.
  const listen = `stty -icanon min 0 time 1\ncat >'${typed}'`
  return `stty -echo\n(\n${script}\n)\ncode=$?\n${listen}\nexit $code\n`
}

/** The words of a command as a shell script has them. */
export const quoted = (words: readonly string[]): string =>
  words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')

/** Runs a shell script at a terminal, by script(1). */
export function atTerminal(script: string, env: NodeJS.ProcessEnv = process.env): AtTerminal {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-terminal-'))
  try {
    const [work, typed] = [join(directory, 'work'), join(directory, 'typed')]
    writeFileSync(work, terminalWork(script, typed))
    const words = ['--quiet', '--return', '--command', `/bin/sh ${work}`, '/dev/null']
    // Its own input: never at an end, which script(1) would type.
    const pipe = join(directory, 'input')
    execFileSync('mkfifo', [pipe])
    const input = openSync(pipe, 'r+')
    const { status, stdout } = spawnSync('script', words, {
      env,
      encoding: 'latin1',
      stdio: [input, 'pipe', 'inherit'],
      timeout: TIMEOUT,
    })
    closeSync(input)
    return { code: status, output: stdout, typed: readFileSync(typed, 'latin1') }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/**
 * A Perl program that tries to type `pwned` at each terminal that it can reach. It writes its user
 * and the terminals that it has reached to the file of its first argument.
 */
export const typist = `#!/usr/bin/perl
open(my $log, '>>', $ARGV[0]) or die; my @reached;
for my $place ('/dev/tty', 0 .. 9) {
  my $terminal;
  next unless $place eq '/dev/tty' ? open($terminal, '<', $place) : open($terminal, '<&', $place);
  next unless -t $terminal;
  push @reached, $place;
  for (split //, "pwned\\n") { ioctl($terminal, 0x5412, $_) }
}
print $log "uid=$< reached=@reached\\n";
`

/** Whether this kernel lets a program type at its own terminal at all: since 6.2 it need not. */
export function terminalsObey(): boolean {
  try {
    return readFileSync('/proc/sys/dev/tty/legacy_tiocsti', 'latin1').trim() === '1'
  } catch {
    return true
  }
}
