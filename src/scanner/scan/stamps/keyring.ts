import { join } from 'node:path'
import { errorCode, errorTextAt, Fault, isFault } from '../../../base/errors/fault.ts'
import { readForeignFile } from '../../../base/path/open.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { readSettings, type Values } from '../../../base/settings/read-settings.ts'
import { cluster } from '../../../base/settings/table/cluster.ts'
import { formatDay, formatMode } from '../../../base/text/units.ts'

/** The two ways of making stamps. */
export type Scheme = 'md5' | 'hmac-sha256'

export interface Key {
  readonly scheme: Scheme
  /**
   * The name of the key: `[A-Za-z0-9._-]{1,32}`, unique in its keyring, not secret; `line-N` for a bare md5
   * key.
   */
  readonly id: string
  readonly secret: Buffer
  /** The last day (UTC, YYYY-MM-DD) on which the key signs and verifies, or undefined if there is none. */
  readonly until: string | undefined
  /** Whether its stamps may state that an administrator released a message from quarantine. */
  readonly mayRelease: boolean
}

/** Bytes of the largest keyring file. */
export const KEYRING_MAX = 64 * 1024
/** Lower limit for the bytes of an hmac-sha256 secret. */
export const HMAC_SECRET_MIN = 32

const ID = /^[A-Za-z0-9._-]{1,32}$/

export const isKeyId = (text: string): boolean => ID.test(text)

/** Returns whether a text is an existing day, as YYYY-MM-DD. */
export function isDay(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

/** The file of a keyring, and the keys in it. */
interface Keyring {
  readonly path: string
  /** Undefined if clustering is off. */
  readonly keys?: readonly Key[]
  /** A line for the log: why clustering is off although there is a file. */
  readonly off?: string
}

/** Names the file of the keyring: CLUSTERKEYS, else `clusterkeys` among the control files. */
export function keyringPath({ CLUSTERKEYS }: Environment, control: string): string {
  return CLUSTERKEYS || join(control, 'clusterkeys')
}

/**
 * Reads the keyring.
 *
 * If this uid may not read it, clustering is off for it, and the log reports that: local users and qmail-send
 * have uids of their own. Without clustering their mail is only scanned again. A fault would block their
 * forwards and bounces indefinitely. If the default file is missing, clustering is off.
 *
 * Throws a Fault of kind `config` for every other error. A cluster that trusts too much and one that silently
 * trusts nothing are both wrong.
 */
export function loadKeyring(env: Environment, control: string): Keyring {
  const path = keyringPath(env, control)
  let text: string
  try {
    text = readForeignFile(path, KEYRING_MAX, ({ mode }) => {
      const objection = modeFault(mode)
      if (objection !== undefined) throw keyringFault(path, objection)
    }).toString('latin1')
  } catch (error) {
    if (isFault(error)) throw error
    if (!env.CLUSTERKEYS && errorCode(error) === 'ENOENT') return { path }
    if (errorCode(error) === 'EACCES') {
      return { path, off: `${path} is not readable by uid ${process.geteuid?.()}: no stamps` }
    }
    const remedy = errorCode(error) === 'ENOENT' ? 'create the file' : 'set the path of a keyring'
    throw keyringFault(path, `${errorTextAt(path, error)}; ${remedy} or unset CLUSTERKEYS`)
  }
  const keys = parseKeyring(text, path)
  if (keys.length === 0) throw keyringFault(path, 'contains no key; make one with onescan keygen')
  return { path, keys }
}

/**
 * Returns what is wrong with the mode of a keyring, and the remedy. A group may read it, but not write, as it may
 * other secrets (readSecret): an added key is trusted, while a changed password is only refused.
 */
export function modeFault(mode: number): string | undefined {
  if ((mode & 0o027) === 0) return undefined
  return `mode ${formatMode(mode)} lets others read or change the keys; run chmod 640 on it`
}

/**
 * Parses the keys of a keyring: one a line, `scheme:id:secret[:until=YYYY-MM-DD][:release]`, or a bare word,
 * which is an md5 key of older versions. `#` in column 1 begins a comment. Throws a Fault that names the
 * line, and never its content.
 */
export function parseKeyring(text: string, path: string): Key[] {
  const keys: Key[] = []
  const ids = new Set<string>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/[ \t\r]+$/, '')
    if (line === '' || line.startsWith('#')) continue
    const number = index + 1
    const key = parseKey(line, number)
    if (typeof key === 'string') throw keyringFault(path, `line ${number} ${key}`)
    if (ids.has(key.id)) throw keyringFault(path, `line ${number} has the id of an earlier line`)
    ids.add(key.id)
    keys.push(key)
  }
  return keys
}

/** Returns whether a key signs and verifies at `now` (unix seconds). */
export function isCurrent(key: Key, now: number): boolean {
  return key.until === undefined || formatDay(now * 1000) <= key.until
}

function parseKey(line: string, number: number): Key | string {
  if (/[ \t]/.test(line)) return 'contains white space, which a key cannot'
  if (!line.includes(':')) return md5Key(`line-${number}`, line, undefined)
  const [scheme, id = '', secret, ...options] = line.split(':')
  if (!isKeyId(id)) return 'has no id of 1 to 32 letters, digits, ".", "_" or "-"'
  if (!secret) return 'has no secret'
  const mayRelease = options.at(-1) === 'release'
  const [option, ...more] = mayRelease ? options.slice(0, -1) : options
  if (more.length > 0) return 'has more than scheme:id:secret:until=YYYY-MM-DD:release'
  const until = option === undefined ? undefined : /^until=(.*)$/.exec(option)?.[1]
  if (option !== undefined && (until === undefined || !isDay(until))) {
    return 'has something other than until=YYYY-MM-DD and release after the secret'
  }
  if (mayRelease && scheme === 'md5') return 'is an md5 key, whose stamps cannot name a release'
  if (scheme === 'md5') return md5Key(id, secret, until)
  if (scheme === 'hmac-sha256') return hmacKey(id, secret, until, mayRelease)
  return 'has a scheme that is neither md5 nor hmac-sha256'
}

function md5Key(id: string, secret: string, until: string | undefined): Key {
  return { scheme: 'md5', id, secret: Buffer.from(secret, 'latin1'), until, mayRelease: false }
}

function hmacKey(
  id: string,
  text: string,
  until: string | undefined,
  mayRelease: boolean,
): Key | string {
  const secret = Buffer.from(text, 'base64url')
  // Buffer skips characters outside base64url: only a text that is unchanged by a round trip is base64url.
  if (secret.toString('base64url') !== text.replace(/=+$/, ''))
    return 'has a secret that is not base64url'
  if (secret.length < HMAC_SECRET_MIN) return `has a secret of fewer than ${HMAC_SECRET_MIN} bytes`
  return { scheme: 'hmac-sha256', id, secret, until, mayRelease }
}

function keyringFault(path: string, problem: string): Fault {
  return new Fault('config', `CLUSTERKEYS ${path}: ${problem}`)
}

/**
 * The clusters to which this host belongs: their keys, and the settings of onescan-settings(5) by
 * their names.
 */
export interface ClusterSettings extends Values<typeof cluster> {
  /** The keys in the order of the file: the first current one signs, all current ones verify. */
  readonly keys: readonly Key[]
}

/**
 * Reads the keyring and its settings. `off` is a line for the log if this uid may not read the keyring.
 * Throws a Fault of kind `config`.
 */
export function readClusterSettings(
  env: Environment,
  control: string,
): { readonly cluster: ClusterSettings | undefined; readonly off: string | undefined } {
  const { keys, off } = loadKeyring(env, control)
  return { cluster: keys && { ...readSettings(env, cluster), keys }, off }
}
