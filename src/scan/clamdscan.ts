import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** Where ClamAV's packages have their clamd.conf(5): Debian, Fedora, from source. */
const CONFIG_FILES = [
  '/etc/clamav/clamd.conf',
  '/etc/clamd.d/scan.conf',
  '/usr/local/etc/clamd.conf',
  '/etc/clamd.conf',
]

/**
 * The option that clamdscan(1) needs beside the words of a command, where none of them says
 * how clamd gets the message. By itself it names the path, and a clamd of another user cannot
 * open a file in a private directory. So it passes the open file; over TCP, where it cannot,
 * it sends the message. Undefined for other commands, and where the words say it.
 */
export function handingOverOption(words: readonly string[]): '--fdpass' | '--stream' | undefined {
  const [program, ...rest] = words
  if (!basename(program!).startsWith('clamdscan') || rest.some(isHandingOverOption))
    return undefined
  return isReachedByTcp(configFiles(rest)) ? '--stream' : '--fdpass'
}

/** Whether the command is ClamAV's own, and looks by the signatures of this host. */
export function isClamAvHere(words: readonly string[]): boolean {
  const [program, ...rest] = words
  const name = basename(program!)
  return name === 'clamscan' || (name === 'clamdscan' && !isReachedByTcp(configFiles(rest)))
}

/** `--fdpass`, `--stream`, and their beginnings, which getopt_long(3) takes as well. */
function isHandingOverOption(word: string): boolean {
  const [option = ''] = word.split('=')
  return /^--(f|str)/.test(option) && ['--fdpass', '--stream'].some((it) => it.startsWith(option))
}

/** What the words name; else the places where the program looks by itself. */
function configFiles(words: readonly string[]): readonly string[] {
  for (const [at, word] of words.entries()) {
    const [, joined] = /^(?:--config-file=|-c)(.+)$/.exec(word) ?? []
    const named = word === '-c' || word === '--config-file' ? words[at + 1] : joined
    if (named !== undefined) return [named]
  }
  return CONFIG_FILES
}

/** Whether the first of these files that is there has a TCPSocket and no LocalSocket. */
function isReachedByTcp(files: readonly string[]): boolean {
  for (const file of files) {
    try {
      const text = readFileSync(file, 'latin1')
      return /^\s*TCPSocket\s/m.test(text) && !/^\s*LocalSocket\s/m.test(text)
    } catch {
      // Not there; what cannot be read, clamdscan itself will complain of.
    }
  }
  return false
}
