import { basename } from 'node:path'
import { DEFAULT_DATABASE } from '../../ground/settings/table/scanning.ts'
import { CONFIG_FILES, databaseIn, firstConfOf, optionIn, valueIn } from './clamd/database.ts'

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

/**
 * The directory of signatures by which the command scans, if it is ClamAV's own and scans on this host;
 * otherwise undefined.
 */
export function databaseOfCommand(words: readonly string[]): string | undefined {
  const [program, ...rest] = words
  const name = basename(program!)
  if (name === 'clamscan') return optionIn(rest, '-d', '--database') ?? DEFAULT_DATABASE
  if (name !== 'clamdscan' || isReachedByTcp(configFiles(rest))) return undefined
  return databaseIn(firstConfOf(configFiles(rest)))
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
  const named = optionIn(words, '-c', '--config-file')
  return named === undefined ? CONFIG_FILES : [named]
}

/** Whether the first of these files that exists has a TCPSocket and no LocalSocket. */
function isReachedByTcp(files: readonly string[]): boolean {
  const conf = firstConfOf(files)
  return valueIn(conf, 'TCPSocket') !== undefined && valueIn(conf, 'LocalSocket') === undefined
}
