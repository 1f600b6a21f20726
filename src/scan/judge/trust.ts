import { recipientsOf } from '../../mail/message/envelope/envelope.ts'
import { EVERY_PART, RELEASED, RELEASED_TO_MAX, releasedTo, scannerName } from '../cluster/stamp.ts'
import { type Trust, verifyStamps } from '../cluster/verify.ts'
import { askedBesides } from '../scanners/shared/properties.ts'
import type { ScanSettings } from '../scanners/shared/scan-settings.ts'
import type { Scanner } from '../scanners/shared/scanner.ts'
import { settledDate } from '../scanners/shared/signatures.ts'
import type { JudgeConfig } from './config.ts'
import type { Tools } from './context.ts'
import type { Transaction } from './transaction.ts'
import { whatCounts } from './what-counts.ts'

/** Mail for which nothing vouches, and which gives the log no reason to say so. */
const untrusted: Trust = { trusted: false, why: '' }

/** Verifies the stamps of a message, if this host and the client are in a cluster. */
export function verifyTrust(
  { message, client }: Transaction,
  config: JudgeConfig,
  { crypto, now, signatureFiles }: Tools,
): Trust {
  const { cluster } = config
  if (cluster === undefined || crypto === undefined) return untrusted
  if (!whatCounts(message, config).asMail) return untrusted
  if (cluster.CLUSTERPEERS === 'required' && !client.isClusterPeer) {
    return { trusted: false, why: 'client is no CLUSTERPEER' }
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
 * Whether the stamps of a message make this scanner unnecessary: one of them must name it, and say that the
 * host that signed looked as closely as this host does, and for the same besides viruses. Words of two stamps
 * are those of two hosts, and say nothing together.
 */
export function vouchesFor(trust: Trust, scanner: Scanner, settings: ScanSettings): boolean {
  if (!trust.trusted) return false
  const besides = askedBesides(settings)
  if (trust.scanners === 'all') return besides.length === 0
  const closeness = settings.SECONDLOOK === 'always' ? [EVERY_PART] : []
  const needed = [scannerName(scanner.name), ...closeness, ...besides]
  return trust.scanners.some((words) => needed.every((word) => words.has(word)))
}

/**
 * Whether a stamp says that an administrator of the cluster has released the message from
 * quarantine to all of its recipients. If it is sent on to somebody else, or nobody knows to whom, it
 * is a message like others.
 */
export function isReleased(
  trust: Trust,
  { envelope }: Pick<Transaction, 'envelope'>,
  { crypto }: Pick<Tools, 'crypto'>,
): boolean {
  if (!trust.trusted || trust.scanners === 'all' || crypto === undefined) return false
  const { recipientCount } = envelope
  if (recipientCount === 0 || recipientCount > RELEASED_TO_MAX) return false
  const needed = [RELEASED]
  for (const { text } of recipientsOf(envelope)) needed.push(releasedTo(crypto, text))
  return trust.scanners.some((words) => needed.every((word) => words.has(word)))
}
