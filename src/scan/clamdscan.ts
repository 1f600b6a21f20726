import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** The paths of clamd.conf(5) in ClamAV's packages: Debian, Fedora, from source. */
const CONFIG_FILES = [
  '/etc/clamav/clamd.conf',
  '/etc/clamd.d/scan.conf',
  '/usr/local/etc/clamd.conf',
  '/etc/clamd.conf',
]

/**
 * Returns the option to add to a command of clamdscan(1) that does not say how clamd gets the message.
 * Without an option, clamdscan sends the path, and a clamd of another user cannot open a file in a
 * private directory. So clamdscan has to pass the open file or, over TCP, to send the bytes.
 * Undefined for other commands, and for a command that has such an option.
 */
export function handingOverOption(words: readonly string[]): '--fdpass' | '--stream' | undefined {
  const [program, ...rest] = words
  if (!basename(program!).startsWith('clamdscan') || rest.some(isHandingOverOption))
    return undefined
  return isReachedByTcp(configFiles(rest)) ? '--stream' : '--fdpass'
}

/** Whether the command is ClamAV's own, and scans by the signatures of this host. */
export function isClamAvHere(words: readonly string[]): boolean {
  const [program, ...rest] = words
  const name = basename(program!)
  return name === 'clamscan' || (name === 'clamdscan' && !isReachedByTcp(configFiles(rest)))
}

/** Whether the word is `--fdpass` or `--stream`, or an abbreviation that getopt_long(3) takes. */
function isHandingOverOption(word: string): boolean {
  const [option = ''] = word.split('=')
  return (
    /^--(f|str)/.test(option) && ['--fdpass', '--stream'].some((name) => name.startsWith(option))
  )
}

/** The configuration file that the words name, else the files that clamdscan reads by itself. */
function configFiles(words: readonly string[]): readonly string[] {
  for (const [at, word] of words.entries()) {
    const [, joined] = /^(?:--config-file=|-c)(.+)$/.exec(word) ?? []
    const named = word === '-c' || word === '--config-file' ? words[at + 1] : joined
    if (named !== undefined) return [named]
  }
  return CONFIG_FILES
}

/** Whether the first of these files that exists has a TCPSocket and no LocalSocket. */
function isReachedByTcp(files: readonly string[]): boolean {
  for (const file of files) {
    try {
      const text = readFileSync(file, 'latin1')
      return /^\s*TCPSocket\s/m.test(text) && !/^\s*LocalSocket\s/m.test(text)
    } catch {
      // It does not exist, or clamdscan will complain that it cannot be read.
    }
  }
  return false
}
