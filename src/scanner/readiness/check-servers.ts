import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { type CheckLine, failure, ok, warning } from '../../base/check/check-line.ts'
import { attempt, errorText } from '../../base/errors/fault.ts'
import { readOwnFile } from '../../base/path/open.ts'
import { isPersonal, passwdEntries } from '../../base/process/passwd.ts'
import { NOT_KNOWN, type QuotaAnswer } from '../../base/protocol/quota/quota-answer.ts'
import { readAddress } from '../../base/text/address.ts'
import { formatDuration } from '../../base/text/units.ts'
import type { StoreAddress } from '../protocol/valkey/store-address.ts'
import { openQuotaClient } from '../scan/quota/quota-client.ts'
import { NO_SUCH_PAGE } from '../scan/quota/quota-lookup.ts'
import { type QuotaSettings, readQuotaSettings } from '../scan/quota/quota-settings.ts'
import { type Key, readClusterSettings } from '../scan/stamps/keyring.ts'
import { keyMark, sharedKey } from '../scan/verdicts/copies/secrets.ts'
import {
  accessOf,
  readVerdictSettings,
  type VerdictSettings,
} from '../scan/verdicts/open-verdicts.ts'
import type { CheckedHost } from './host/checked-host.ts'

/** Any answer about this mailbox shows that the service runs. */
const ANYBODY = 'postmaster'

/** Checks whether the service in QUOTAD answers, and whether it finds mailboxes by the names of QUOTANAME. */
export async function checkQuotad(host: CheckedHost): Promise<CheckLine[]> {
  const { env } = host
  const settings = readQuotaSettings(env)
  if (settings === undefined) return []
  const client = openQuotaClient(settings, () => {})
  try {
    const { answer, source } = await client.explain(readAddress(ANYBODY))
    if (answer.status !== 'unknown' || answer.reason === NOT_KNOWN) {
      return (await checkNameStyle(settings, host)) ?? [ok('QUOTAD', `${source} answers`)]
    }
    if (source === undefined && env.QUOTAD!.startsWith('map:')) {
      return [ok('QUOTAD', `${env.QUOTAD}, which specifies no service for ${ANYBODY}`)]
    }
    if (answer.reason === NO_SUCH_PAGE) {
      const remedy =
        'set QUOTAD with the path of the service: that of onescan-quotad is /cgi-bin/quota.cgi'
      return [
        warning('QUOTAD', `${source}: ${answer.reason}, so no mailbox is treated as full`, remedy),
      ]
    }
    const value = `${source ?? env.QUOTAD}: ${answer.reason}, so no mailbox is treated as full`
    return [warning('QUOTAD', value, START_QUOTAD)]
  } finally {
    client.close()
  }
}

/**
 * Queries a mailbox of qmail's own domain in both styles of name. The domains of other mail servers are known to
 * their programs alone, which `onescan check` runs.
 */
async function checkNameStyle(
  settings: QuotaSettings,
  { accounts, directories }: CheckedHost,
): Promise<CheckLine[] | undefined> {
  const me = attempt(() => readOwnFile(join(directories.control, 'me'), ME_MAX).toString('latin1'))
  const checkLines = me?.trim() ? await checkQuotaNames(settings, accounts, [me.trim()]) : []
  return checkLines.length > 0 ? checkLines : undefined
}

const START_QUOTAD =
  'on its host, run systemctl enable --now onescan-quotad.socket onescan-quotad, and let this host ' +
  'query it: ONESCAN_QUOTAD_OPTIONS="--allow ADDRESS" in /etc/default/onescan-quotad'

const OTHER_STYLE = { address: 'local', local: 'address' } as const

/**
 * Queries the mailbox of this host's first person in both styles of name, in domains whose users are its accounts. A
 * service that knows only the other style finds no mailbox full, and reports no error.
 */
export async function checkQuotaNames(
  settings: QuotaSettings,
  { passwd }: CheckedHost['accounts'],
  domains: readonly string[],
): Promise<CheckLine[]> {
  const user = [...passwdEntries(passwd)].find(({ uid }) => isPersonal(uid))?.name
  if (user === undefined) return []
  const knows = async (style: QuotaSettings['nameStyle'], address: string) => {
    const client = openQuotaClient({ ...settings, nameStyle: style }, () => {})
    try {
      return isKnown((await client.explain(readAddress(address))).answer)
    } finally {
      client.close()
    }
  }
  const { nameStyle } = settings
  const other = OTHER_STYLE[nameStyle]
  for (const domain of domains) {
    const address = `${user}@${domain}`
    if ((await knows(nameStyle, address)) || !(await knows(other, address))) continue
    const names = { address, local: user }
    const value = `the service knows ${names[other]} and not ${names[nameStyle]}, so no mailbox of ${domain} is treated as full`
    const remedy =
      other === 'local'
        ? `add ${domain} to QUOTADOMAINS of onescan-quotad, or set QUOTANAME=local`
        : 'set QUOTANAME=address'
    return [warning('QUOTANAME', value, remedy)]
  }
  return []
}

/** Returns whether a service has read a mailbox. Older ones report room for unknown names. */
function isKnown(answer: QuotaAnswer): boolean {
  return answer.status === 'full' || (answer.status === 'room' && answer.usage !== undefined)
}

/** Bytes of control/me: a name of the DNS (RFC 1035 2.3.4), and blanks. */
const ME_MAX = 1024

/** Milliseconds for a connection and two requests. */
const TIMEOUT = 3_000

/** Checks whether the store that VERDICTS names answers in time, and whether other hosts share its key. */
export async function checkVerdicts(host: CheckedHost): Promise<CheckLine[]> {
  const settings = readVerdictSettings(host.env)
  const { VERDICTS: store } = settings
  if (typeof store === 'string') return []
  const key = keyOf(host)
  return [
    ...(key === undefined ? [noKey()] : []),
    ...(await checkStore(store, settings, key || undefined)),
  ]
}

/**
 * Returns the key with which this host shares verdicts, or undefined if it has none, null if the keyring
 * cannot be read.
 */
function keyOf({ env, directories, now }: CheckedHost): Key | null | undefined {
  try {
    const { cluster } = readClusterSettings(env, directories.control)
    return sharedKey(cluster?.keys ?? [], now / 1000)
  } catch {
    return null // the check of the keyring reports it
  }
}

function noKey(): CheckLine {
  const remedy =
    'run onescan keygen --append /etc/onescan/keys/clusterkeys, then copy this file to all hosts'
  return failure('VERDICTS', 'hosts that share verdicts need an hmac-sha256 key', remedy)
}

async function checkStore(
  address: StoreAddress,
  settings: VerdictSettings,
  key: Key | undefined,
): Promise<CheckLine[]> {
  try {
    const { STORE_TIMEOUT, tryStore } = await import('../scan/verdicts/store/shared-store.ts')
    const own = key && keyMark(key.secret, { createHmac })
    const { time, hasOtherKey } = await tryStore(accessOf(address, settings), TIMEOUT, own)
    const others = hasOtherKey ? [otherKey(address, key!)] : []
    const value = `${address.text} answers in ${formatDuration(time)}`
    if (time <= STORE_TIMEOUT) return [ok('VERDICTS', value), ...others]
    const isSlow = `${value}, after the limit of ${formatDuration(STORE_TIMEOUT)}, so ${ALONE}`
    return [warning('VERDICTS', isSlow, 'use a store that is closer'), ...others]
  } catch (error) {
    const reason = errorText(error)
    return [warning('VERDICTS', `${address.text}: ${reason}, so ${ALONE}`, remedyFor(reason))]
  }
}

const ALONE = 'each host scans all mail itself'

/** The remedies for errors of a store, by their text: those of Valkey, of OpenSSL and of the system. */
const storeRemedies: readonly (readonly [error: RegExp, remedy: string])[] = [
  [/^sentinel .*(?:WRONGPASS|NOAUTH)/, "put the password of the sentinels' user `default` into a file, and set VERDICTSENTINELPASSWORD to its path"], // biome-ignore format: a row
  [/^sentinel .*does not know/, "end VERDICTS with the name in `sentinel monitor` of the sentinels' configuration"], // biome-ignore format: a row
  [/WRONGPASS|NOAUTH|invalid (?:username-)?password/i, "put the store's password into a file, set VERDICTPASSWORD to its path, and add the user to VERDICTS (valkey://USER@HOST)"], // biome-ignore format: a row
  [/NOPERM/, 'grant its user ~onescan:* +getrange +set +select +client|setname +cluster|nodes +asking (`user` in valkey.conf)'], // biome-ignore format: a row
  [/^MOVED /, 'set VERDICTS to valkey+cluster://HOST,HOST with servers of the cluster'],
  [/cluster support disabled/, 'write valkey:// in VERDICTS: the server is not part of a cluster'],
  [/CLUSTERDOWN|of its 16384 slots/, 'start the missing servers; `cluster-require-full-coverage no` in valkey.conf lets the others answer meanwhile'], // biome-ignore format: a row
  [/DENIED|protected mode/i, 'set `bind`, `protected-mode no` and a user with a password in valkey.conf'], // biome-ignore format: a row
  [/max number of clients/i, 'raise `maxclients` in valkey.conf'],
  [/^OOM/, 'set `maxmemory-policy allkeys-lru` in valkey.conf, or raise `maxmemory`'],
  [
    /READONLY/,
    'set VERDICTS to the primary, or to its sentinels (valkey+sentinel://HOST,HOST/NAME)',
  ],
  [/MISCONF/, 'free disk space on the store\'s host, or set `save ""` in valkey.conf'],
  [/DB index/i, 'the number at the end of VERDICTS must be below `databases` in valkey.conf'],
  [/certificate required|alert handshake failure/i, 'set `tls-auth-clients no` in valkey.conf: onescan shows a password, and no certificate'], // biome-ignore format: a row
  [
    /certificate|altname/i,
    "set VERDICTCA to the certificate of the authority that signed the store's",
  ],
  [/wrong version|packet length|SSL|closes the connection|sends an? |connection reset|has closed the connection|no answer/i, 'start the store; use valkeys:// in VERDICTS if it expects TLS, valkey:// if not'], // biome-ignore format: a row
]

function remedyFor(reason: string): string {
  const row = storeRemedies.find(([error]) => error.test(reason))
  return row?.[1] ?? 'start the store, or set VERDICTS to its address'
}

/**
 * The warning that other hosts have another key. For a minute after the key was changed on all hosts
 * the store may still have the mark of the old one.
 */
function otherKey({ text }: StoreAddress, { id }: Key): CheckLine {
  const value = `${text} is also used by hosts without the key ${id}, which share nothing with this host`
  const remedy =
    'give all hosts the same key: of the current hmac-sha256 keys in CLUSTERKEYS, the one whose id sorts first is used'
  return warning('VERDICTS', value, remedy)
}
