import { yieldAfter } from '../../../base/flow/event-loop.ts'
import { ABORTED, TIMED_OUT, unlessAborted, withTimeout } from '../../../base/flow/timeout.ts'
import { isSearchedFor } from '../scanners/findings/properties.ts'
import { isUntolerated, unknown } from '../scanners/findings/scan-result.ts'
import type { ScanPlan } from '../scanners/run/scan-plan.ts'
import { findSignaturesInUse } from '../scanners/signatures/signatures-in-use.ts'
import { type CachedVerdict, isStillValid, joinVersions } from './copies/fresh.ts'
import {
  type CacheableMessage,
  type CachedOrScanned,
  type IdentityOptions,
  identify,
  isCacheable,
  type MessageToScan,
  type ScanWith,
} from './copies/message-identity.ts'
import { NO_VERDICT, type ScanEnd } from './copies/scans-for-copies.ts'
import { scanGuarded } from './guarded-scan.ts'
import type { HostMemory } from './host-memory.ts'
import { outcomeForCopies, resultForCopies } from './outcome-for-copies.ts'
import { openSealed, sealVerdict } from './store/seal.ts'
import type { SharedStore, Sharing } from './store/shared-store.ts'

/** What Verdicts depends on. */
export interface VerdictsOptions extends IdentityOptions {
  /** The cached data shared by all processes of this host. */
  readonly memory: Pick<
    HostMemory,
    | 'cachedVerdict'
    | 'cacheVerdict'
    | 'isSinceRestart'
    | 'scansForCopies'
    | 'poison'
    | 'crashRecord'
    | 'suspectGate'
  >
  /** The store shared by several hosts, which is used if this host has no valid verdict. */
  readonly shared?: Pick<SharedStore, 'get' | 'put' | 'release' | 'sharing' | 'close'> | undefined
  /** Milliseconds, as Date.now(). */
  readonly now: () => number
  /**
   * The usual time limit of a scan here, in milliseconds (SCANTIMEOUT). A scan that had less than half of
   * that does not decide about copies.
   */
  readonly fullTime: number
}

/** Scans without an answer after which a copy that waited for them is not scanned either. */
const UNANSWERED_SCANS_MAX = 2

/** The share of its time for which a message waits while another host scans a copy. */
const SHARE_OF_WAITING = 0.25

/**
 * The stage between verifying stamps and scanning: verdicts on copies of a message. A message without a
 * cached verdict is scanned once, and its copies wait for that (scans-for-copies.ts). A message in progress at
 * several deaths of scanners is not scanned for a while (poison.ts).
 */
export class Verdicts {
  readonly #options: VerdictsOptions

  constructor(options: VerdictsOptions) {
    this.#options = options
  }

  /**
   * Resolves to the result for a message: from the verdict on a copy if one counts, otherwise from
   * `scanMessage`. Copies that come meanwhile wait for that scan, each within its own time, and as long as
   * a caller waits for them. Scanners that are not `cacheable` always scan.
   */
  async find(mail: MessageToScan, plan: ScanPlan, scanMessage: ScanWith): Promise<CachedOrScanned> {
    const { memory, crypto } = this.#options
    const identity = await identify(mail, plan, this.#options)
    await yieldAfter(mail.outgoing.length)
    if (identity === undefined) return { result: await scanMessage(plan.scanners) }
    const scanAlone = async () => ({
      result: await scanGuarded(identity, scanMessage, memory, crypto),
    })
    if (!isCacheable(identity)) return scanAlone()
    let vain = 0
    while (true) {
      const own = memory.cachedVerdict(identity.fingerprint)
      if (own !== undefined && this.#doesCount(own, identity)) {
        return withCached(own, plan, scanMessage)
      }
      const scan = memory.scansForCopies.of(identity.fingerprint)
      if (scan === undefined) {
        const found = await this.#askHostsOrScan(identity, scanMessage)
        if (found !== undefined) return found
        continue
      }
      const end = await endOf(scan.ended, plan)
      if (end === TIMED_OUT || end === ABORTED) return { result: TOO_LATE }
      switch (end.kind) {
        case 'verdict':
          await this.#options.lookForSignatures?.()
          if (!this.#doesCount(end.verdict, identity)) return scanAlone()
          return withCached(end.verdict, plan, scanMessage)
        case 'nothing':
          return scanAlone()
        case 'unknown':
          vain++
          if (vain === UNANSWERED_SCANS_MAX) return { result: end.result }
          continue
        case 'elsewhere':
          continue // the verdict is cached, or there is none: one of the waiting copies finds out
      }
    }
  }

  /**
   * Notes that a message is judged now, for the first process. Call the returned function when that is over.
   */
  beginJudging(): (() => void) | undefined {
    return this.#options.memory.crashRecord?.beginJudging()
  }

  /** The state of the shared store, or undefined if there is none. */
  sharing(): Sharing | undefined {
    return this.#options.shared?.sharing()
  }

  close(): void {
    this.#options.shared?.close()
  }

  /**
   * Resolves to the result for a message and for all copies that wait for it: a valid verdict of another host,
   * otherwise the result of a scan. Resolves to undefined if another process has begun to scan a copy first.
   */
  async #askHostsOrScan(
    identity: CacheableMessage,
    scanMessage: ScanWith,
  ): Promise<CachedOrScanned | undefined> {
    const { memory, shared, crypto, host, fullTime, signatureFiles, now } = this.#options
    const { timeLeft } = identity.plan
    const within = timeLeft()
    const scan = memory.scansForCopies.begin(identity.fingerprint, within)
    const isFirst = () => memory.scansForCopies.of(identity.fingerprint) === scan
    let end = NO_VERDICT
    try {
      const verdict = await this.#verdictOfHosts(identity, within * SHARE_OF_WAITING)
      if (verdict !== undefined) {
        scan.end({ kind: 'verdict', verdict, mayLast: true }) // copies need not wait for the scanners that always scan
        return await withCached(verdict, identity.plan, scanMessage)
      }
      const isShort = timeLeft() < fullTime / 2
      const inUse = await findSignaturesInUse(identity.scanners, signatureFiles(), now())
      let isByThese = true
      const note = (scanner: string, version: string | undefined) => {
        isByThese &&= version === identity.versions[scanner]
      }
      if (!isFirst()) {
        end = { kind: 'elsewhere' }
        return undefined
      }
      const result = await scanGuarded(identity, scanMessage, memory, crypto, note)
      const forCopies = await resultForCopies(result, identity, (scanners, header) =>
        scanMessage(scanners, { signatures: note, header }),
      )
      end = outcomeForCopies(forCopies, identity, host, isShort, isByThese ? inUse : undefined)
      return { result }
    } finally {
      scan.end(end)
      if (end.kind === 'verdict' && end.mayLast) this.#cache(end.verdict, identity)
      else shared?.release(identity.fingerprint)
    }
  }

  #cache(verdict: CachedVerdict, { fingerprint, secrets }: CacheableMessage): void {
    const { memory, shared, crypto, maxAgeSeconds } = this.#options
    memory.cacheVerdict(fingerprint, verdict, maxAgeSeconds)
    shared?.put(fingerprint, sealVerdict(verdict, fingerprint, secrets.seal, crypto), maxAgeSeconds)
  }

  /** Resolves to a verdict of another host that is valid here and now, and caches it. */
  async #verdictOfHosts(
    message: CacheableMessage,
    timeout: number,
  ): Promise<CachedVerdict | undefined> {
    const { memory, shared, crypto, maxAgeSeconds } = this.#options
    const { fingerprint, secrets } = message
    const sealed = await shared?.get(fingerprint, timeout)
    const opened = sealed && openSealed(sealed, fingerprint, secrets.seal, crypto)
    if (opened === undefined || !this.#doesCount(opened, message)) return undefined
    const left = Math.max(1, Math.min(maxAgeSeconds, opened.time + maxAgeSeconds - this.#seconds()))
    memory.cacheVerdict(fingerprint, opened, left)
    return opened
  }

  /** Returns whether the verdict applies to this message, here and now. */
  #doesCount(verdict: CachedVerdict, { plan, versions }: CacheableMessage): boolean {
    // The scan that found it may have ended there.
    const { found } = verdict
    if (found.answer === 'infected' && plan.tolerance.isTolerated?.(found)) return false
    const { memory, signatureFiles, host, maxAgeSeconds } = this.#options
    if (!memory.isSinceRestart(verdict)) return false
    const here = { host, files: signatureFiles(), signatures: joinVersions(versions) }
    return isStillValid(verdict, { now: this.#seconds(), maxAgeSeconds, ...here })
  }

  #seconds(): number {
    return Math.floor(this.#options.now() / 1000)
  }
}

const TOO_LATE = unknown(
  'timed out while waiting for the scan of an identical message (SCANTIMEOUT)',
  'timeout',
)

/**
 * Resolves to the end of a scan for which a copy waits. Resolves to TIMED_OUT if its time limit is reached
 * first, or to ABORTED if no client waits for its result any longer.
 */
async function endOf(
  ended: Promise<ScanEnd>,
  { timeLeft, gone }: ScanPlan,
): Promise<ScanEnd | typeof TIMED_OUT | typeof ABORTED> {
  return withTimeout(gone ? unlessAborted(ended, gone) : ended, timeLeft())
}

/**
 * Resolves to the result in which a cached verdict replaces the scanners that gave it. The other scanners run
 * in their order, except those after a scanner with a finding, which would not have run either. An ignored
 * finding or a limit never hides another finding.
 */
async function withCached(
  verdict: CachedVerdict,
  { scanners, settings, tolerance }: ScanPlan,
  scanMessage: ScanWith,
): Promise<CachedOrScanned> {
  const { found } = verdict
  const others = scanners.filter(({ cacheable }) => !cacheable)
  if (found.answer === 'clean') {
    const { FINDINGS, STRICTMIME } = settings
    const mayFindMore =
      others.length > 0 || STRICTMIME !== 'off' || isSearchedFor('encrypted', FINDINGS)
    const result = mayFindMore ? await scanMessage(others) : undefined
    if (result && result.answer !== 'clean') return { result }
    return { result: found, cached: verdict }
  }
  const first = scanners.findIndex(({ name }) => name === found.scanner)
  const before = scanners.slice(0, first).filter(({ cacheable }) => !cacheable)
  if (before.length > 0) {
    const result = await scanMessage(before)
    if (isUntolerated(result, tolerance)) return { result }
  }
  return { result: found, cached: verdict }
}
