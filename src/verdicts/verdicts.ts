import { countedFrom } from '../cluster/signature-files.ts'
import { areSignaturesLoaded } from '../scan/shared/signatures-loaded.ts'
import type { Verdict } from '../scan/shared/verdict.ts'
import {
  type FingerprintedMessage,
  hasFingerprint,
  type IdentityOptions,
  identify,
  type MessageIdentity,
} from './copies/message-identity.ts'
import { memorableOf, withRemembered } from './copies/remembered-result.ts'
import { noteVersions } from './copies/versions.ts'
import type { PoisonCounters, Withheld } from './poison/poison.ts'
import { type CarefulScanOptions, scanCarefully, type UnknownMessage } from './scan-carefully.ts'
import {
  type CouldNotTell,
  endedWithin,
  type OwnScan,
  type ScanEnd,
  ScansInFlight,
} from './scans-in-flight.ts'
import type { KnownOrScanned, RunScanners, VerdictQuery } from './shared/verdict-query.ts'
import { StoredVerdicts, type StoredVerdictsOptions } from './stored-verdicts.ts'
import type { Sharing } from './stores/store.ts'

/** The surroundings of a memory of verdicts. */
export interface VerdictsOptions
  extends IdentityOptions,
    StoredVerdictsOptions,
    CarefulScanOptions {
  /** The scans under way: of this process, or of all processes of the host if they tell each other. */
  readonly inFlight?: ScansInFlight
}

/** Scans without an answer after which a copy that waited for them is not scanned either. */
const VAIN_SCANS = 2

/** The share of its time for which a message waits while another host scans a copy. */
export const SHARE_OF_WAITING = 0.25

/** The stage between verifying stamps and scanning: verdicts about copies of a message. */
export class Verdicts {
  readonly #options: VerdictsOptions
  readonly #stored: StoredVerdicts
  readonly #inFlight: ScansInFlight

  constructor(options: VerdictsOptions) {
    this.#options = options
    this.#stored = new StoredVerdicts(options)
    this.#inFlight = options.inFlight ?? new ScansInFlight()
  }

  /**
   * Resolves to the result for a message: from the verdict about a copy if one counts, otherwise from
   * `runScanners`. Copies that come meanwhile wait for that scan, each within its own time. Scanners that
   * are not `memorable` always scan.
   */
  async find(query: VerdictQuery, runScanners: RunScanners): Promise<KnownOrScanned> {
    const { uptime } = this.#options
    const { timeout } = query.policy
    const deadline = uptime() + timeout
    const timeLeft = () => Math.max(1, deadline - uptime())
    const identity = await identify(query, this.#options)
    if (identity === undefined) return { result: await runScanners(query.scanners, timeout) }
    const scanAlone = async () => {
      const message = { query, identity, runScanners }
      return { result: await scanCarefully(message, timeLeft(), this.#options) }
    }
    if (!hasFingerprint(identity)) return scanAlone()
    let vain = 0
    while (true) {
      const scan = this.#inFlight.of(identity.fingerprint)
      if (scan === undefined) {
        return this.#lookUpOrScan({ query, identity, runScanners }, timeLeft())
      }
      const end = await endedWithin(scan, deadline - uptime())
      if (end === undefined) return { result: couldNotTell(identity, TOO_LATE) }
      switch (end.kind) {
        case 'verdict':
          if (!this.#stored.doesCount(end.verdict, identity)) return scanAlone()
          return withRemembered(end.verdict, query, runScanners, timeLeft())
        case 'nothing':
          return scanAlone()
        case 'unknown':
          vain++
          if (vain === VAIN_SCANS) return { result: couldNotTell(identity, end) }
          continue
        case 'elsewhere':
          continue // the verdict is in a store, or nowhere: one of the waiting copies finds out
      }
    }
  }

  /** The messages that are withheld from scanners now, because scanners died of them. */
  withheld(): Withheld {
    const { poison } = this.#options
    return poison?.known.withheld(poison.tries) ?? { messages: 0, soonest: 0, latest: 0 }
  }

  /** Counters of the care for such messages; undefined if there is none (POISONTRIES=0). */
  poisoned(): PoisonCounters | undefined {
    return this.#options.poison?.known.counters
  }

  /** The state of the shared store; undefined if there is none. */
  sharing(): Sharing | undefined {
    return this.#options.stores.find(({ sharing }) => sharing)?.sharing?.()
  }

  close(): void {
    for (const store of this.#options.stores) store.close()
  }

  /**
   * Finds the result for a message and for all copies that wait for it, within so many milliseconds: a
   * verdict in the stores if one counts, otherwise by a scan.
   */
  async #lookUpOrScan(
    message: UnknownMessage<FingerprintedMessage>,
    within: number,
  ): Promise<KnownOrScanned> {
    const { query, identity, runScanners } = message
    const { uptime } = this.#options
    const scan = this.#inFlight.begin(identity.fingerprint, within)
    const until = uptime() + within
    let found: FoundByScan = { end: { kind: 'nothing' }, mayLast: false }
    try {
      const verdict = await this.#stored.recall(identity, within * SHARE_OF_WAITING)
      const timeout = Math.max(1, until - uptime())
      if (verdict !== undefined) {
        scan.end({ kind: 'verdict', verdict }) // copies need not wait for the scanners that always scan
        return await withRemembered(verdict, query, runScanners, timeout)
      }
      const { result, ...rest } = await this.#scan(message, timeout)
      found = rest
      return { result }
    } finally {
      const { end, mayLast } = found
      if (end.kind === 'verdict' && mayLast) this.#rememberAndEnd(scan, end, identity)
      else {
        scan.end(end)
        this.#stored.release(identity)
      }
    }
  }

  /** Scans a message, and says what that means for copies. */
  async #scan(
    message: UnknownMessage<FingerprintedMessage>,
    timeout: number,
  ): Promise<FoundByScan & { readonly result: Verdict }> {
    const { query, identity } = message
    const { signatureFiles, now, host, fullTime } = this.#options
    const files = signatureFiles()
    const isUpToDate = await areSignaturesLoaded(identity.scanners, files, now())
    const time = countedFrom(files, now())
    const { told, joined } = noteVersions(identity.versions)
    const result = await scanCarefully(message, timeout, this.#options, told)
    if (result.answer === 'unknown') {
      // If the client has left or gave no time, copies must not be deferred for that: they are scanned
      // themselves.
      const isTelling = !result.unfinished && timeout >= fullTime / 2
      const { why, cause } = result
      const end = isTelling ? ({ kind: 'unknown', why, cause } as const) : ELSEWHERE
      return { result, end, mayLast: false }
    }
    const signatures = joined()
    const found = memorableOf(result, identity)
    if (found === undefined || signatures === undefined) {
      return { result, end: { kind: 'nothing' }, mayLast: false }
    }
    query.message.confirmFile()
    const scanners = identity.scanners.map((scanner) => scanner.name)
    const verdict = { found, scanners, signatures, time, host }
    // What is clean now may be infected by signatures that are being loaded.
    const mayLast = isUpToDate || found.answer === 'infected'
    return { result, end: { kind: 'verdict', verdict }, mayLast }
  }

  /**
   * Stores the verdict, and ends the scan for the copies that wait. Both wait for another turn of the
   * event loop, because sealing takes time and the answer about this message goes first.
   */
  #rememberAndEnd(
    scan: OwnScan,
    end: Extract<ScanEnd, { kind: 'verdict' }>,
    identity: FingerprintedMessage,
  ): void {
    setImmediate(() => {
      try {
        this.#stored.remember(end.verdict, identity)
      } finally {
        scan.end(end)
      }
    })
  }
}

/** What a scan means for the copies that wait, and whether its verdict may be remembered for others. */
interface FoundByScan {
  readonly end: ScanEnd
  readonly mayLast: boolean
}

const ELSEWHERE = { kind: 'elsewhere' } as const

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
