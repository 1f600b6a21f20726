import { join } from 'node:path'
import { isCurrent, type Key, loadKeyring } from '../../../cluster/keyring.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { groupName, obstacle } from '../shared/account.ts'
import { error, type Finding, marked, ok, warning } from '../shared/finding.ts'
import { accountText, type Host } from '../shared/host.ts'
import { isOnescanc } from '../slot/onescanc.ts'

/** The fewest bytes of an md5 key that cannot be guessed: 128 random bits. */
const MD5_SECRET_MIN = 16

/** Checks the keyring: who can read it, which key signs, and what each key risks. */
export function checkKeyring(host: Host): Finding[] {
  const named = Boolean(host.env.CLUSTERKEYS)
  const path = host.env.CLUSTERKEYS || join(host.directories.control, 'clusterkeys')
  try {
    const ring = loadKeyring({ path, named })
    if ('keys' in ring) return [checkReader(host, path), ...checkKeys(host, ring.keys)]
    if (ring.why === undefined)
      return [ok('keyring', `none at ${path}: no stamps, all mail is scanned`)]
    if (asksOnescand(host)) return [ok('keyring', `${path}, which onescand reads`)]
    const level = named ? error : warning
    return [level('keyring', ring.why, 'run check as root, or as the account of the slot')]
  } catch (thrown) {
    const finding = error('keyring', errorText(thrown), 'correct it; until then mail is deferred')
    const isOnescands = host.daemon !== undefined
    return [marked(finding, named && isOnescands ? 'stops onescand' : 'nothing scans')]
  }
}

function checkReader(host: Host, path: string): Finding {
  const barrier = obstacle(host.account, path, 'read')
  if (asksOnescand(host)) return checkAsker(host, path, barrier !== undefined)
  if (barrier === undefined) return ok('keyring', `${path}, read by ${accountText(host)}`)
  const value = `${path} is not readable by ${accountText(host)}`
  const names = host.account.groups.map((gid) => groupName(host.accounts, gid))
  // The package has a group for those who may read keys, and all who ask onescand are in another.
  const group = names.find((name) => name === 'onescan-keys') ?? names[0]!
  const remedy =
    barrier === path ? `chgrp ${group} ${path} && chmod 640 ${path}` : `see the mode of ${barrier}`
  // A keyring that is named and never used is a mistake. The default one may be there for other
  // programs.
  const level = host.env.CLUSTERKEYS ? error : warning
  return level('keyring', `${value}: no stamps, all mail is scanned`, remedy)
}

/** Checks that the slot cannot read keys that only onescand needs: a slot that is taken over would reveal them. */
function checkAsker(host: Host, path: string, closed: boolean): Finding {
  const who = accountText(host)
  if (closed) return ok('keyring', `${path}, which onescand reads and ${who} does not`)
  const value = `${path} is readable by ${who}, although onescand signs for it`
  const remedy =
    'keep its account out of that group: an attacker who takes over qmail-smtpd would have the keys'
  return warning('keyring', value, remedy)
}

function asksOnescand({ account, program }: Host): boolean {
  return account.uid !== 0 && isOnescanc(program)
}

function checkKeys(host: Host, keys: readonly Key[]): Finding[] {
  const now = host.now / 1000
  const signer = keys.find((key) => isCurrent(key, now))
  const findings = keys.flatMap((key) => checkKey(key, now))
  if (signer === undefined) {
    const remedy = 'run "onescan keygen --prepend" for a new one'
    findings.unshift(warning('keyring', 'every key is past its date: nothing is signed', remedy))
  } else {
    findings.unshift(ok('keyring', `${keys.length} keys, ${signer.id} signs`))
  }
  return findings
}

function checkKey(key: Key, now: number): Finding[] {
  const what = `key ${key.id}`
  const findings: Finding[] = []
  if (!isCurrent(key, now)) {
    findings.push(warning(what, `is past its date, ${key.until}`, 'remove its line from the ring'))
  }
  if (key.scheme === 'hmac-sha256') return findings
  if (key.secret.length < MD5_SECRET_MIN) {
    const value = `md5 key of ${key.secret.length} bytes: can be guessed from one stamped mail`
    findings.push(error(what, value, `use ${MD5_SECRET_MIN} random bytes, or hmac-sha256`))
  }
  findings.push(
    warning(
      what,
      'md5 key: covers the body alone, so the same body passes under any other header and at any ' +
        'later time, scanned or not by newer signatures; an attacker who makes two bodies with one MD5 gets ' +
        'both trusted; guesses at the key can be tried offline',
      'use "onescan keygen" (hmac-sha256) if all hosts of the cluster know it',
    ),
  )
  return findings
}
