import { basename } from 'node:path'
import { DEFAULT_DATABASE } from '../../../../base/settings/table/clamav.ts'
import { resultByName, withoutHash } from '../clamd/clamav-names.ts'
import { CONFIG_FILES, databaseIn, firstConfOf, optionIn, valueIn } from '../clamd/clamd-conf.ts'
import { infected, type ScanResult } from '../findings/scan-result.ts'

/** What is known of clamscan(1) and clamdscan(1), if QHPSI is a command of theirs. */

/**
 * Returns the finding in `path: NAME FOUND`, which clamscan and clamdscan print. The formats of other
 * scanners are not known.
 */
export function namedResult(output: string, program: string): ScanResult {
  const name = /: ([\x21-\x7e]{1,200}) FOUND\s*$/m.exec(output)?.[1]
  if (name === undefined) return infected(`found by ${basename(program)}`)
  return resultByName(withoutHash(name), `${basename(program)}: ${name}`)
}

/**
 * Returns the option to add to a command of clamdscan(1) that does not state how clamd receives the message.
 * Without an option, clamdscan sends the path, and a clamd of another user cannot open a file in a private
 * directory. So clamdscan must pass the open file or, over TCP, send the bytes. Returns undefined for other
 * commands, and for a command that has such an option.
 */
export function handingOverOption([program, ...rest]: readonly [string, ...string[]]):
  | '--fdpass'
  | '--stream'
  | undefined {
  if (!basename(program).startsWith('clamdscan') || rest.some(isHandingOverOption)) return undefined
  return isReachedByTcp(configFiles(rest)) ? '--stream' : '--fdpass'
}

/**
 * Returns the directory of the signatures that the command scans with, if it is a command of ClamAV that
 * scans on this host, and otherwise undefined.
 */
export function databaseOfCommand([program, ...rest]: readonly [string, ...string[]]):
  | string
  | undefined {
  const name = basename(program)
  if (name === 'clamscan') return optionIn(rest, '-d', '--database') ?? DEFAULT_DATABASE
  if (name !== 'clamdscan' || isReachedByTcp(configFiles(rest))) return undefined
  return databaseIn(firstConfOf(configFiles(rest)))
}

/**
 * Returns whether the argument is `--fdpass` or `--stream`, or an abbreviation that getopt_long(3) accepts.
 */
function isHandingOverOption(word: string): boolean {
  const [option = ''] = word.split('=')
  return (
    /^--(f|str)/.test(option) && ['--fdpass', '--stream'].some((name) => name.startsWith(option))
  )
}

/** The configuration file that the arguments name, else the files that clamdscan reads by default. */
function configFiles(argv: readonly string[]): readonly string[] {
  const named = optionIn(argv, '-c', '--config-file')
  return named === undefined ? CONFIG_FILES : [named]
}

/** Returns whether the first existing file of these has a TCPSocket and no LocalSocket. */
function isReachedByTcp(files: readonly string[]): boolean {
  const conf = firstConfOf(files)
  return valueIn(conf, 'TCPSocket') !== undefined && valueIn(conf, 'LocalSocket') === undefined
}
