import { readFileSync } from 'node:fs'
import { attempt } from '../../../../base/errors/fault.ts'
import { writeEndpoint } from '../../../../base/net/endpoint.ts'
import { hostToReach, isLoopbackHost } from '../../../../base/net/server-address.ts'
import { readForeignFile } from '../../../../base/path/open.ts'
import { DEFAULT_DATABASE } from '../../../../base/settings/table/clamav.ts'
import type { ClamdAddress } from './clamd-address.ts'

/** The paths of clamd.conf(5) on Debian, on Fedora, with ClamAV from source, and elsewhere. */
export const CONFIG_FILES: readonly string[] = [
  '/etc/clamav/clamd.conf',
  '/etc/clamd.d/scan.conf',
  '/usr/local/etc/clamd.conf',
  '/etc/clamd.conf',
]

/** The value of a setting of clamd.conf(5). */
export function valueIn(conf: string, name: string): string | undefined {
  const lines = conf.split('\n').map((line) => line.trim().split(/\s+/))
  return lines.find(([word]) => word === name)?.[1]
}

/** The value of an option of ClamAV's programs, in any of its forms. */
export function optionIn(args: readonly string[], short: string, long: string): string | undefined {
  for (const [at, arg] of args.entries()) {
    if (arg === short || arg === long) return args[at + 1]
    if (arg.startsWith(`${long}=`)) return arg.slice(long.length + 1)
    if (arg.startsWith(short) && !arg.startsWith('--')) return arg.slice(short.length)
  }
  return undefined
}

/**
 * The text of the clamd.conf with this address, of a clamd on this host: the first of `files` that has it.
 * Undefined if there is none that can be read.
 */
export function clamdConfOf(address: ClamdAddress, files = CONFIG_FILES): string | undefined {
  if (!isOnThisHost(address)) return undefined
  for (const file of files) {
    const conf = confWith(address, file)
    if (conf !== undefined) return conf
  }
  return undefined
}

/** Returns the address of a clamd on this host, as a value of CLAMD: that in the first of `files` that has one. */
export function configuredAddress(files = CONFIG_FILES): string | undefined {
  for (const file of files) {
    const conf = attempt(() => readForeignFile(file).toString('latin1')) ?? ''
    const port = valueIn(conf, 'TCPSocket')
    const host = hostToReach(valueIn(conf, 'TCPAddr') ?? 'localhost')
    const address =
      valueIn(conf, 'LocalSocket') ?? (port && writeEndpoint({ host, port: Number(port) }))
    if (address !== undefined) return address
  }
  return undefined
}

/**
 * Returns the directory of this clamd's signatures according to the configuration files, or undefined if none
 * of them names it. Running processes are not examined: this is called for a message, and any user may start
 * programs with any name and arguments.
 */
export function databaseOf(address: ClamdAddress, files = CONFIG_FILES): string | undefined {
  const conf = clamdConfOf(address, files)
  return conf === undefined ? undefined : databaseIn(conf)
}

/** Returns whether clamd takes the value of a setting for yes; clamd.conf(5). */
export function isSetIn(conf: string, name: string): boolean {
  return /^(?:yes|true|1)$/i.test(valueIn(conf, name) ?? '')
}

/** Returns whether clamd takes the value of a setting for no; one without a value has its default. */
export function isOffIn(conf: string, name: string): boolean {
  return /^(?:no|false|0|off)$/i.test(valueIn(conf, name) ?? '')
}

/** The remedy that sets a line, such as `MaxFiles 10000`. */
export const toSetInConf = (line: string): string =>
  `set "${line}" in its clamd.conf, and restart clamd`

/**
 * Returns whether this clamd runs on this host, judging by its address, or false if it is asked through an
 * onescand.
 */
export function isOnThisHost(address: ClamdAddress): boolean {
  return address.kind === 'unix' || (!address.identity && isLoopbackHost(address.host))
}

/** The directory of the signatures of a clamd with this clamd.conf. */
export function databaseIn(conf: string): string {
  return valueIn(conf, 'DatabaseDirectory') ?? DEFAULT_DATABASE
}

/** Returns the text of the first of these files that exists, or '' if there is none. */
export function firstConfOf(files: readonly string[]): string {
  for (const file of files) {
    const text = attempt(() => readFileSync(file, 'latin1'))
    if (text !== undefined) return text // of another one clamdscan complains, if it is there
  }
  return ''
}

/** The text of this file, if it can be read and has the address. */
function confWith(address: ClamdAddress, file: string): string | undefined {
  const conf = attempt(() => readForeignFile(file).toString('latin1'))
  if (conf === undefined) return undefined // it is missing, or this user may not read it
  const isThere =
    address.kind === 'unix'
      ? withoutVar(valueIn(conf, 'LocalSocket')) === withoutVar(address.path)
      : Number(valueIn(conf, 'TCPSocket')) === address.port
  return isThere ? conf : undefined
}

/** Returns a path in the older directory of sockets, a link to /run, by its real name. */
export const withoutVar = (path: string | undefined): string | undefined =>
  path?.replace(/^\/var\/run\//, '/run/')
