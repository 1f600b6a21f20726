import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { Clamd } from '../../../test/programs/servers/clamd.ts'
import { compiled } from '../compile.ts'

/** Old C: a function may be declared by its use, and a variable in several files. */
const CFLAGS = '-O2 -std=gnu89 -fcommon -w'

/** The sources have no `configure.in`, and make must not make `configure` anew. */
const NO_AUTOTOOLS = ['AUTOCONF=:', 'AUTOMAKE=:', 'ACLOCAL=:', 'AUTOHEADER=:']

/**
 * Builds simscan from its sources, below a directory, as its README has it: ripmime unpacks each message, clamdscan
 * scans the directory, and the sink of the benchmark is qmail-queue. Returns the path of the program.
 */
export function buildSimscan(source: string, directory: string, clamd: Clamd): string {
  const at = (...names: string[]) => join(directory, 'simscan', ...names)
  cpSync(source, at('source'), { recursive: true })
  for (const name of ['control', 'work']) mkdirSync(at(name))
  run(at('source'), './configure', [
    `--enable-user=${userInfo().username}`,
    `--enable-qmaildir=${at()}`,
    `--enable-workdir=${at('work')}`,
    `--enable-controldir=${at('control')}`,
    `--enable-qmail-queue=${compiled('sink')}`,
    `--enable-clamdscan=${buildClamdscan(at(), clamd)}`,
    '--enable-ripmime=/usr/bin/ripmime',
    '--enable-clamav=y',
    '--enable-spam=n',
  ])
  writeFileSync(at('source', 'configure.in'), '')
  writeFileSync(at('source', 'cdb', 'conf-cc'), `cc ${CFLAGS} -include errno.h\n`)
  run(at('source', 'cdb'), 'make', [])
  run(at('source'), 'make', [...NO_AUTOTOOLS, `CFLAGS=${CFLAGS}`, 'simscan'])
  return at('source', 'simscan')
}

/** clamdscan asks this clamd. simscan runs it without arguments for that, and without an environment. */
function buildClamdscan(directory: string, { configFile }: Clamd): string {
  const [source, program] = [join(directory, 'clamdscan.c'), join(directory, 'clamdscan')]
  writeFileSync(
    source,
    `#include <unistd.h>
int main(int count, char **words)
{
  char *with[16] = { "clamdscan", "--config-file=${configFile}" };
  for (int at = 1; at < count && at < 14; at++) with[at + 1] = words[at];
  return execv("/usr/bin/clamdscan", with) ? 2 : 0;
}
`,
  )
  run(directory, 'cc', ['-O2', '-static', '-o', program, source])
  return program
}

function run(cwd: string, program: string, words: readonly string[]): void {
  execFileSync(program, words, { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
}
