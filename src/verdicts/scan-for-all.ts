import { countedFrom } from '../cluster/signature-files.ts'
import { haveLoaded } from '../scan/shared/have-loaded.ts'
import type { FingerprintedMessage, IdentityOptions } from './copies/message-identity.ts'
import { memorableOf, withRemembered } from './copies/remembered-result.ts'
import { noteVersions } from './copies/versions.ts'
import { type ScanWithCareOptions, scanWithCare, type UnknownMessage } from './scan-with-care.ts'
import type { OwnScan, ScanEnd, ScansInFlight } from './scans-in-flight.ts'
import type { KnownOrScanned } from './shared/verdict-query.ts'
import type { StoredVerdicts } from './stored-verdicts.ts'

/** The share of its time for which a message waits while another host scans a copy. */
export const SHARE_OF_WAITING = 0.25

export interface ScanForAllOptions
  extends ScanWithCareOptions,
    Pick<IdentityOptions, 'host' | 'signatureFiles'> {
  /** Milliseconds, as Date.now(). */
  readonly now: () => number
}

/**
 * Finds the result for a message and for all copies that wait for it, within so many milliseconds: a
 * verdict in the stores if one counts, otherwise by a scan.
 */
export async function scanForAll(
  message: UnknownMessage<FingerprintedMessage>,
  within: number,
  stored: StoredVerdicts,
  inFlight: ScansInFlight,
  options: ScanForAllOptions,
): Promise<KnownOrScanned> {
  const { query, identity, scanWith } = message
  const { uptime, now, host } = options
  const scan = inFlight.begin(identity.fingerprint, within)
  const until = uptime() + within
  let end: ScanEnd = { kind: 'nothing' }
  let mayLast = false
  try {
    const verdict = await stored.recall(identity, within * SHARE_OF_WAITING)
    const timeout = Math.max(1, until - uptime())
    if (verdict !== undefined) {
      scan.end({ kind: 'verdict', verdict }) // copies need not wait for the scanners that always scan
      return await withRemembered(verdict, query, scanWith, timeout)
    }
    const files = options.signatureFiles()
    const isUpToDate = await haveLoaded(identity.scanners, files, now())
    const began = countedFrom(files, now())
    const { told, joined } = noteVersions(identity.versions)
    const result = await scanWithCare(message, timeout, options, told)
    if (result.answer === 'unknown') {
      // If the client has left or gave no time, copies must not be deferred for that: they are scanned
      // themselves.
      const isBrief = timeout < options.fullTime / 2
      const isTelling = !result.unfinished && !isBrief
      end = isTelling
        ? { kind: 'unknown', why: result.why, cause: result.cause }
        : { kind: 'elsewhere' }
    }
    const signatures = joined()
    const found = memorableOf(result, identity)
    if (found !== undefined && signatures !== undefined) {
      query.message.confirmFile()
      const scanners = identity.scanners.map((scanner) => scanner.name)
      end = { kind: 'verdict', verdict: { found, scanners, signatures, time: began, host } }
      // What is clean now may be infected by signatures that are being loaded.
      mayLast = isUpToDate || found.answer === 'infected'
    }
    return { result }
  } finally {
    if (end.kind === 'verdict' && mayLast) rememberAndEnd(scan, end, identity, stored)
    else {
      scan.end(end)
      stored.release(identity)
    }
  }
}

/**
 * Stores the verdict, and ends the scan for the copies that wait. Both wait for another turn of the event
 * loop, because sealing takes time and the answer about this message goes first.
 */
function rememberAndEnd(
  scan: OwnScan,
  end: Extract<ScanEnd, { kind: 'verdict' }>,
  identity: FingerprintedMessage,
  stored: StoredVerdicts,
): void {
  setImmediate(() => {
    try {
      stored.remember(end.verdict, identity)
    } finally {
      scan.end(end)
    }
  })
}
