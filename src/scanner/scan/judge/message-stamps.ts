import { headerFault } from '../../../mail/message/well-formed.ts'
import { additionalSearches, type ScanSettings } from '../scanners/contract/scan-settings.ts'
import type { Scanner } from '../scanners/contract/scanner.ts'
import { settledDate } from '../scanners/signatures/signature-files.ts'
import type { SignaturesInUse } from '../scanners/signatures/signatures-in-use.ts'
import { signMessage } from '../stamps/sign.ts'
import { EVERY_PART, RELEASED, RELEASED_TO_MAX, releasedTo, scannerName } from '../stamps/stamp.ts'
import { type Trust, verifyStamps } from '../stamps/verify-stamps.ts'
import type { JudgeConfig } from './context/judge-config.ts'
import type { Tools } from './context/judge-context.ts'
import type { JudgedMail, Transaction } from './context/transaction.ts'
import type { OwnStamp, ScanOutcome } from './decision/decide.ts'

/** What stamps mean for a message: those that it has, and the one that it gets. */

const NOT_LOADED = 'no stamp: signatures changed, and may not be loaded yet'

/** The trust in mail without a valid stamp, if the log needs no reason. */
const untrusted: Trust = { isTrusted: false, reason: '' }

/** Verifies the stamps of a message, if this host and the client are in a cluster. */
export function verifyTrust(
  { message, client }: Transaction,
  { cluster }: JudgeConfig,
  { crypto, now, signatureFiles }: Tools,
): Trust {
  if (cluster === undefined || crypto === undefined) return untrusted
  if (cluster.CLUSTERPEERS === 'required' && !client.isClusterPeer) {
    return { isTrusted: false, reason: 'client is not a CLUSTERPEER' }
  }
  const { keys, CLUSTERMAXAGE: maxAgeSeconds } = cluster
  return verifyStamps(message, {
    keys,
    maxAgeSeconds,
    now: Math.floor(now() / 1000),
    // The host that stamped the message may have got its signatures later than this one.
    signatureDate: () => settledDate(signatureFiles()),
    crypto,
  })
}

/**
 * Returns whether the stamps of a message make this scanner unnecessary. One stamp must name the scanner. The
 * same stamp must state that the signing host read the parts as closely as this host does, and searched for
 * the same properties in addition to viruses. Two stamps come from two hosts, so their statements are never
 * combined.
 */
export function covers(trust: Trust, scanner: Scanner, settings: ScanSettings): boolean {
  if (!trust.isTrusted) return false
  const besides = additionalSearches(settings)
  if (trust.scanners === 'all') return besides.length === 0
  const closeness = settings.SECONDLOOK === 'always' ? [EVERY_PART] : []
  const needed = [scannerName(scanner.name), ...closeness, ...besides]
  return trust.scanners.some((words) => needed.every((word) => words.has(word)))
}

/**
 * Returns whether a stamp states that an administrator of the cluster has released the message from
 * quarantine to all of its recipients. If the message has been forwarded to another recipient, or its
 * recipients are unknown, it is treated like any other message. Mail servers add a domain to a recipient without one.
 */
export function isReleased(
  trust: Trust,
  { envelope }: Pick<Transaction, 'envelope'>,
  { crypto }: Pick<Tools, 'crypto'>,
): boolean {
  if (!trust.isTrusted || trust.scanners === 'all' || crypto === undefined) return false
  const { recipientCount } = envelope
  if (recipientCount === 0 || recipientCount > RELEASED_TO_MAX) return false
  const recipients = [...envelope.recipients].map(({ text }) => text)
  return trust.scanners.some((words) => {
    const isNamed = (address: string) => words.has(releasedTo(crypto, address))
    return (
      words.has(RELEASED) && recipients.every((text) => isNamed(text) || isNamed(localPartOf(text)))
    )
  })
}

/** The local part of an address, which is the whole address without a domain. */
const localPartOf = (address: string): string => address.replace(/@[^@]*$/, '')

/**
 * Resolves to the stamp of a message that scanners found clean as a whole, here or on a host whose verdict is
 * cached. The stamp names the scanners, and contains the time at which their scan began. Resolves to no stamp
 * for any other message, or if scanners may not have loaded the newest signatures. A note for the log reports
 * that.
 */
export async function stampScanned(
  mail: JudgedMail,
  config: JudgeConfig,
  tools: Tools,
  scanned: ScanOutcome,
  { areLoaded, since }: SignaturesInUse,
): Promise<{ readonly stamp: OwnStamp | undefined; readonly notes: readonly string[] }> {
  const { result, scanners, cached } = scanned
  if (result.answer !== 'clean' || config.resultOnlyFor) return { stamp: undefined, notes: [] }
  if (!areLoaded && cached === undefined) {
    return { stamp: undefined, notes: scanners.length > 0 ? [NOT_LOADED] : [] }
  }
  const stamp = await sign(mail, config, tools, scanners, cached?.time ?? since)
  return { stamp, notes: [] }
}

async function sign(
  { message, outgoing }: JudgedMail,
  { cluster, settings }: JudgeConfig,
  { crypto, now }: Tools,
  ran: readonly Scanner[],
  since: number,
): Promise<OwnStamp | undefined> {
  if (cluster === undefined || crypto === undefined) return undefined
  const scanners = ran.filter(({ hasBans }) => !hasBans).map(({ name }) => name)
  if (scanners.length === 0) return undefined
  if (settings.SECONDLOOK === 'always') scanners.push(EVERY_PART)
  const { canonical } = message
  // The header may be empty now, if all of its fields are removed.
  const fault = canonical.fault ?? (outgoing === message.header ? undefined : headerFault(outgoing))
  return signMessage({ header: outgoing, canonical: { ...canonical, fault } }, scanners, {
    keys: cluster.keys,
    now: Math.floor(now() / 1000),
    since,
    crypto,
    besides: additionalSearches(settings),
  })
}
