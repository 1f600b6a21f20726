import { countedFrom } from '../cluster/signature-files.ts'
import { haveLoaded } from '../scan/shared/have-loaded.ts'
import type { ScanTask } from '../scan/shared/scanner.ts'
import { joinVersions } from '../scan/shared/signatures.ts'
import type { Verdict } from '../scan/shared/verdict.ts'
import { exactFingerprintOf } from './copies/fingerprint.ts'
import { stillCounts } from './copies/fresh.ts'
import {
  type FingerprintedMessage,
  hasFingerprint,
  type IdentityOptions,
  identify,
  type MessageIdentity,
} from './copies/message-identity.ts'
import { memorableOf, withRemembered } from './copies/remembered-result.ts'
import { noteVersions } from './copies/versions.ts'
import { type PoisonPolicy, scanCarefully, warnedOfSuspects } from './poison/careful-scan.ts'
import type { PoisonCounters, Withheld } from './poison/poison.ts'
import {
  type CouldNotTell,
  createScansInFlight,
  endedWithin,
  type OwnScan,
  type ScanEnd,
  type ScansInFlight,
} from './scans-in-flight.ts'
import { openSealed, sealVerdict } from './shared/seal.ts'
import type { RememberedVerdict } from './shared/verdict.ts'
import type { KnownOrScanned, ScanWith, VerdictQuery } from './shared/verdict-query.ts'
import type { Sharing, VerdictStore } from './stores/store.ts'

/** The surroundings of a memory of verdicts. */
export interface VerdictsOptions extends IdentityOptions {
  /** The stores, asked in this order until one has a verdict that counts. A new verdict goes into all. */
  readonly stores: readonly VerdictStore[]
  /** Milliseconds, as Date.now(). */
  readonly now: () => number
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** The scans under way: of this process, or of all processes of the host if they tell each other. */
  readonly inFlight?: ScansInFlight
  /**
   * Milliseconds that a scan usually has here (SCANTIMEOUT). A scan that had less than half of that, or
   * was abandoned, says nothing about the message.
   */
  readonly fullTime: number
  /** The messages that scanners died of; without it all messages are scanned. */
  readonly poison?: PoisonPolicy | undefined
}

/** The stage between verifying stamps and scanning: verdicts about copies of a message. */
export interface Verdicts {
  /**
   * Resolves to the result for a message: from the verdict about a copy if one counts, otherwise from
   * `scanWith`. Copies that come meanwhile wait for that scan, each within its own time. Scanners that
   * are not `memorable` always scan.
   */
  find(query: VerdictQuery, scanWith: ScanWith): Promise<KnownOrScanned>
  /** The messages that are withheld from scanners now, because scanners died of them. */
  withheld(): Withheld
  /** Counters of the care for such messages; undefined if there is none (POISONTRIES=0). */
  poisoned(): PoisonCounters | undefined
  /** The state of the shared store; undefined if there is none. */
  sharing(): Sharing | undefined
  close(): void
}

/** Scans without an answer after which a copy that waited for them is not scanned either. */
const VAIN_LOOKS = 2
/** The share of its time for which a message waits while another host scans a copy. */
export const SHARE_OF_WAITING = 0.25

export function openVerdicts(options: VerdictsOptions): Verdicts {
  const { stores, crypto, host, uptime, inFlight = createScansInFlight() } = options
  const seconds = () => Math.floor(options.now() / 1000)

  /**
   * Resolves to a stored verdict that counts here and now. The stores that were asked before the one
   * that has it get a copy.
   */
  async function recall(
    identity: FingerprintedMessage,
    patience: number,
  ): Promise<RememberedVerdict | undefined> {
    const { fingerprint, secrets, maxAge } = identity
    for (const [index, store] of stores.entries()) {
      const sealed = await store.get(fingerprint, patience)
      if (sealed === undefined) continue
      const verdict = openSealed(sealed, fingerprint, secrets.seal, crypto)
      if (!verdict || !doesCount(verdict, identity)) continue
      const left = Math.max(1, Math.min(maxAge, verdict.time + maxAge - seconds()))
      for (const nearer of stores.slice(0, index)) nearer.put(fingerprint, sealed, left)
      return verdict
    }
    return undefined
  }

  function doesCount(
    verdict: RememberedVerdict,
    { maxAge, versions }: FingerprintedMessage,
  ): boolean {
    const standard = {
      now: seconds(),
      maxAge,
      signatures: joinVersions(versions),
      files: options.signatureFiles(),
      host,
    }
    return stillCounts(verdict, standard)
  }

  function remember(
    verdict: RememberedVerdict,
    { fingerprint, secrets, maxAge }: FingerprintedMessage,
  ): void {
    const sealed = sealVerdict(verdict, fingerprint, secrets.seal, crypto)
    for (const store of stores) store.put(fingerprint, sealed, maxAge)
  }

  /** Tells the stores that the scan found no verdict, so that nobody waits for one. */
  function release({ fingerprint }: FingerprintedMessage): void {
    for (const store of stores) store.release?.(fingerprint)
  }

  /** Scans a message, with the care of careful-scan.ts unless that is switched off. */
  async function scanWithCare(
    { message, scanners, marks }: VerdictQuery,
    identity: MessageIdentity,
    scanWith: ScanWith,
    timeout: number,
    told?: ScanTask['signatures'],
  ): Promise<Verdict> {
    const { poison, fullTime } = options
    if (poison === undefined) return scanWith(scanners, timeout, told)
    const { fingerprint: secret } = identity.secrets
    const { subject, common } = identity
    const fingerprint = await exactFingerprintOf(subject, common, message.body(), secret, crypto)
    return scanCarefully(
      { fingerprint, marks },
      { poison, timeout, fullTime, uptime, scanner: identity.scanners[0]!.name },
      (left, suspects) => {
        return scanWith(suspects ? scanners.map(warnedOfSuspects(suspects)) : scanners, left, told)
      },
    )
  }

  /**
   * Stores the verdict, and ends the scan for the copies that wait. Storing waits for another turn of
   * the event loop, because sealing takes time and the answer about this message goes first. A verdict
   * that may not last is not stored: only the waiting copies get it.
   */
  function rememberAndEnd(
    scan: OwnScan,
    end: ScanEnd,
    identity: FingerprintedMessage,
    mayLast: boolean,
  ): void {
    if (end.kind !== 'verdict' || !mayLast) {
      scan.end(end)
      release(identity)
      return
    }
    setImmediate(() => {
      try {
        remember(end.verdict, identity)
      } finally {
        scan.end(end)
      }
    })
  }

  function isBrief(timeout: number): boolean {
    return timeout < options.fullTime / 2
  }

  /** Finds the result for the message and for all copies that wait for it. */
  async function scanForAll(
    query: VerdictQuery,
    identity: FingerprintedMessage,
    scanWith: ScanWith,
    within: number,
  ): Promise<KnownOrScanned> {
    const scan = inFlight.begin(identity.fingerprint, within)
    const until = uptime() + within
    let end: ScanEnd = { kind: 'nothing' }
    let mayLast = false
    try {
      const verdict = await recall(identity, within * SHARE_OF_WAITING)
      const timeout = Math.max(1, until - uptime())
      if (verdict !== undefined) {
        scan.end({ kind: 'verdict', verdict }) // copies need not wait for the scanners that always scan
        return await withRemembered(verdict, query, scanWith, timeout)
      }
      const files = options.signatureFiles()
      const isUpToDate = await haveLoaded(identity.scanners, files, options.now())
      const began = countedFrom(files, options.now())
      const { told, joined } = noteVersions(identity.versions)
      const result = await scanWithCare(query, identity, scanWith, timeout, told)
      if (result.answer === 'unknown') {
        // If the client has left or gave no time, copies must not be deferred for that: they are scanned
        // themselves.
        const isTelling = !result.unfinished && !isBrief(timeout)
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
      rememberAndEnd(scan, end, identity, mayLast)
    }
  }

  return {
    async find(query, scanWith) {
      const { timeout } = query.policy
      const deadline = uptime() + timeout
      const identity = await identify(query, options)
      if (identity === undefined) return { result: await scanWith(query.scanners, timeout) }
      const timeLeft = () => Math.max(1, deadline - uptime())
      if (!hasFingerprint(identity))
        return { result: await scanWithCare(query, identity, scanWith, timeLeft()) }
      for (let vain = 0; ; ) {
        const scan = inFlight.of(identity.fingerprint)
        if (scan === undefined) return scanForAll(query, identity, scanWith, timeLeft())
        const end = await endedWithin(scan, deadline - uptime())
        if (end === undefined) return { result: couldNotTell(identity, TOO_LATE) }
        switch (end.kind) {
          case 'verdict':
            if (doesCount(end.verdict, identity)) {
              return withRemembered(end.verdict, query, scanWith, timeLeft())
            }
            return { result: await scanWithCare(query, identity, scanWith, timeLeft()) }
          case 'elsewhere':
            break // the verdict is in a store, or nowhere: one of the waiting copies finds out
          case 'nothing':
            return { result: await scanWithCare(query, identity, scanWith, timeLeft()) }
          case 'unknown':
            if (++vain === VAIN_LOOKS) return { result: couldNotTell(identity, end) }
        }
      }
    },
    withheld() {
      const { poison } = options
      return poison?.known.withheld(poison.tries) ?? { messages: 0, soonest: 0, latest: 0 }
    },
    poisoned: () => options.poison?.known.counters,
    sharing: () => stores.find(({ sharing }) => sharing)?.sharing?.(),
    close() {
      for (const store of stores) store.close()
    },
  }
}

const TOO_LATE = {
  why: 'a copy of it was being scanned for all of its own time (SCANTIMEOUT)',
  cause: 'timeout',
} as const

function couldNotTell(
  { scanners }: MessageIdentity,
  { why, cause }: CouldNotTell,
): Extract<Verdict, { answer: 'unknown' }> {
  return { answer: 'unknown', scanner: scanners[0]!.name, why, cause }
}
