import type { ScanSettings } from '../scanners/contract/scan-settings.ts'
import { additionalSearches } from '../scanners/contract/scan-settings.ts'
import type { Scanner } from '../scanners/contract/scanner.ts'
import { settledDate } from '../scanners/signatures/signature-files.ts'
import { EVERY_PART, RELEASED, RELEASED_TO_MAX, releasedTo, scannerName } from '../stamps/stamp.ts'
import { type Trust, verifyStamps } from '../stamps/verify-stamps.ts'
import type { JudgeConfig } from './context/judge-config.ts'
import type { Tools } from './context/judge-context.ts'
import type { Transaction } from './context/transaction.ts'

/** The trust in mail without a valid stamp, if the log needs no reason. */
const untrusted: Trust = { trusted: false, reason: '' }

/** Verifies the stamps of a message, if this host and the client are in a cluster. */
export function verifyTrust(
  { message, client }: Transaction,
  { cluster }: JudgeConfig,
  { crypto, now, signatureFiles }: Tools,
): Trust {
  if (cluster === undefined || crypto === undefined) return untrusted
  if (cluster.CLUSTERPEERS === 'required' && !client.isClusterPeer) {
    return { trusted: false, reason: 'client is not a CLUSTERPEER' }
  }
  const { keys, CLUSTERMAXAGE: maxAge } = cluster
  return verifyStamps(message, {
    keys,
    maxAge,
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
  if (!trust.trusted) return false
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
  if (!trust.trusted || trust.scanners === 'all' || crypto === undefined) return false
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
