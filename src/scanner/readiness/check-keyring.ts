import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type CheckLine, failure, ok, warning } from '../../base/check/check-line.ts'
import { attempt } from '../../base/errors/fault.ts'
import { shellWord } from '../../base/text/shell-word.ts'
import { formatCount } from '../../base/text/units.ts'
import { isCurrent, type Key, loadKeyring } from '../scan/stamps/keyring.ts'
import { groupName, obstacle } from './host/account.ts'
import { accountText, type CheckedHost, inSettingsOf } from './host/checked-host.ts'

/** Minimum length in bytes of an md5 key that cannot be guessed: 128 random bits. */
const MD5_SECRET_MIN = 16

/** Checks the keyring: who can read it, which key makes stamps, and what each key risks. */
export function checkKeyring(host: CheckedHost): CheckLine[] {
  const { path, keys, off } = loadKeyring(host.env, host.directories.control)
  if (keys === undefined && off === undefined) {
    if (stampsByOnescand(host))
      return [ok('keyring', `none at ${path}: onescand makes stamps, if it has keys`)]
    const other = keyringOfPackage(host.directories.control)
    const value = `none at ${path}: no stamps, all mail is scanned`
    if (other === undefined) return [ok('keyring', value)]
    return [
      warning(
        'keyring',
        `${value}, and ${other} is not used`,
        inSettingsOf(host, `set CLUSTERKEYS=${other}`),
      ),
    ]
  }
  return [checkReader(host, path), ...(keys ? checkKeys(host, path, keys) : [])]
}

/** The directory of keyrings in the documentation. */
const RINGS = '/etc/onescan/keys'

/**
 * Returns a keyring there, which only CLUSTERKEYS names: a file that could be used as one and has a key as `onescan keygen`
 * makes it. Tokens, certificates and their keys are kept there, too, and a token looks like an md5 key.
 */
function keyringOfPackage(control: string): string | undefined {
  const names = attempt(() => readdirSync(RINGS)) ?? []
  return names
    .map((name) => join(RINGS, name))
    .find((path) => {
      const { keys = [] } = attempt(() => loadKeyring({ CLUSTERKEYS: path }, control)) ?? {}
      return keys.some(({ scheme }) => scheme === 'hmac-sha256')
    })
}

function checkReader(host: CheckedHost, path: string): CheckLine {
  const barrier = barrierTo(host, path)
  if (stampsByOnescand(host)) return checkAsker(host, path, barrier !== undefined)
  if (barrier === undefined) return ok('keyring', `${path}, read by ${accountText(host)}`)
  const value = `${path} is not readable by ${accountText(host)}`
  const remedy = barrier === path ? openTo(host, path, '640') : leadTo(host, path, barrier)
  // A keyring that is named and never used is a mistake. The default one may be there for other
  // programs.
  const level = host.env.CLUSTERKEYS ? failure : warning
  return level('keyring', `${value}: no stamps, all mail is scanned`, remedy)
}

/** The package's group of accounts that may read keys. Accounts that only use onescand are in another one. */
export const KEY_READERS = 'onescan-keys'

/**
 * Returns the remedy that lets the account reach a keyring in a closed directory. A home directory, such as
 * root's, stays closed.
 */
function leadTo(host: CheckedHost, path: string, barrier: string): string {
  if (barrier === RINGS) return openTo(host, RINGS, 'g+x')
  if (RINGS.startsWith(`${barrier}/`)) return `chmod a+x ${shellWord(barrier)}`
  const ring = shellWord(join(RINGS, basename(path)))
  return inSettingsOf(host, `mv ${shellWord(path)} ${ring}, then set CLUSTERKEYS=${ring}`)
}

/** The commands that give the account access to the file or directory, and as few others as possible. */
function openTo({ account, accounts, isDaemon }: CheckedHost, path: string, mode: string): string {
  const give = (name: string) =>
    `chgrp ${name} ${shellWord(path)} && chmod ${mode} ${shellWord(path)}`
  const names = account.groups.map((gid) => groupName(accounts, gid))
  if (new RegExp(`^${KEY_READERS}:`, 'm').test(accounts.group)) {
    if (names.includes(KEY_READERS)) return give(KEY_READERS)
    if (isDaemon)
      return `usermod -aG ${KEY_READERS} ${account.name} && ${give(KEY_READERS)} && systemctl restart onescand`
    return `${give(KEY_READERS)}, and run tcpserver with -g "$(getent group ${KEY_READERS} | cut -d: -f3)"`
  }
  const group = names.find((_, index) => account.groups[index] !== 0)
  return group === undefined ? `chown ${account.name} ${shellWord(path)}` : give(group)
}

/**
 * Checks that the slot cannot read keys that only onescand needs: a slot that is taken over would
 * reveal them.
 */
function checkAsker(host: CheckedHost, path: string, isClosed: boolean): CheckLine {
  const who = accountText(host)
  if (isClosed) return ok('keyring', `${path}, which onescand reads and ${who} does not`)
  const value = `${path} is readable by ${who}, although onescand makes its stamps: an attacker who takes over qmail-smtpd could copy the keys`
  const remedy = `let qmail-smtpd run without the group ${groupName(host.accounts, statSync(path).gid)}`
  return warning('keyring', value, remedy)
}

/** Returns whether onescand makes the stamps for this account: root reads the keys itself. */
function stampsByOnescand({ account, asksOnescand }: CheckedHost): boolean {
  return account.uid !== 0 && asksOnescand
}

/**
 * Returns the path that denies the account access to the file. A directory above it may hide the file from
 * this process.
 */
function barrierTo({ account }: CheckedHost, path: string): string | undefined {
  try {
    return obstacle(account, path, 'read')
  } catch {
    return dirname(path)
  }
}

function checkKeys(host: CheckedHost, path: string, keys: readonly Key[]): CheckLine[] {
  const now = host.now / 1000
  const signer = keys.find((key) => isCurrent(key, now))
  const checkLines = keys.flatMap((key) => checkKey(key, path, now))
  if (signer === undefined) {
    const remedy = `onescan keygen --append ${shellWord(path)}`
    checkLines.unshift(warning('keyring', 'every key has expired: no message is stamped', remedy))
  } else {
    checkLines.unshift(
      ok('keyring', `${formatCount(keys.length, 'key')}, ${signer.id} makes stamps`),
    )
  }
  return checkLines
}

function checkKey(key: Key, path: string, now: number): CheckLine[] {
  const what = `key ${key.id}`
  const checkLines: CheckLine[] = []
  if (!isCurrent(key, now)) {
    checkLines.push(
      warning(what, `expired on ${key.until}`, `remove the line of this key from ${path}`),
    )
  }
  if (key.scheme === 'hmac-sha256') return checkLines
  if (key.secret.length < MD5_SECRET_MIN) {
    const value = `md5 key of ${key.secret.length} bytes: can be guessed from one stamped message`
    checkLines.push(
      failure(what, value, 'replace this key with the output of onescan keygen --md5'),
    )
  }
  checkLines.push(
    warning(
      what,
      'md5 key: a stamp holds for any header, at any time, and for other bodies with the same MD5, ' +
        'and the key can be guessed offline',
      `onescan keygen --rotate ${shellWord(path)}, if all hosts of the cluster support hmac-sha256`,
    ),
  )
  return checkLines
}
