import { yieldAfter } from '../../lib/flow/event-loop.ts'
import { ABORTED, TIMED_OUT, unlessAborted, withTimeout } from '../../lib/flow/timeout.ts'
import { formatDuration } from '../../lib/text/units.ts'
import type { Header } from '../../mail/message/header-block.ts'
import type { Scanner, ScanTask } from '../scanners/contract/scanner.ts'
import { asksFor } from '../scanners/findings/properties.ts'
import { type ScanResult, unknown, unread } from '../scanners/findings/scan-result.ts'
import {
  findSignaturesInUse,
  type SignaturesInUse,
} from '../scanners/signatures/signatures-in-use.ts'
import { exactFingerprintOf, headerOfAllCopies } from './copies/fingerprint.ts'
import { isStillValid, joinVersions } from './copies/fresh.ts'
import {
  type CacheableMessage,
  type IdentityOptions,
  identify,
  isCacheable,
  type MessageIdentity,
} from './copies/message-identity.ts'
import type {
  CachedOrScanned,
  CachedVerdict,
  ScanMessage,
  VerdictQuery,
} from './copies/verdict-query.ts'
import type { HostMemory } from './host-memory.ts'
import { DEATHS_MAX } from './poison.ts'
import type { ScanEnd } from './scans-for-copies.ts'
import { openSealed, sealVerdict } from './store/seal.ts'
import type { SharedStore, Sharing } from './store/shared-store.ts'
import type { GatedScan } from './suspect-gate.ts'

/** The surroundings of a memory of verdicts. */
export interface VerdictsOptions extends IdentityOptions {
  /** The cached data shared by all processes of this host. */
  readonly memory: Pick<
    HostMemory,
    'cachedVerdict' | 'cacheVerdict' | 'scansForCopies' | 'poison' | 'crashRecord' | 'suspectGate'
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
const VAIN_SCANS = 2

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
  async find(query: VerdictQuery, scanMessage: ScanMessage): Promise<CachedOrScanned> {
    const { memory } = this.#options
    const identity = await identify(query, this.#options)
    await yieldAfter(query.outgoing.length)
    if (identity === undefined) return { result: await scanMessage(query.scanners) }
    const scanAlone = async () => ({ result: await this.#scan(identity, scanMessage) })
    if (!isCacheable(identity)) return scanAlone()
    let vain = 0
    while (true) {
      const scan = memory.scansForCopies.of(identity.fingerprint)
      if (scan === undefined) {
        const found = await this.#lookUpOrScan(identity, scanMessage)
        if (found !== undefined) return found
        continue
      }
      const end = await endOf(scan.ended, query)
      if (end === TIMED_OUT || end === ABORTED) return { result: TOO_LATE }
      switch (end.kind) {
        case 'verdict':
          await this.#options.lookForSignatures?.()
          if (!this.#doesCount(end.verdict, identity)) return scanAlone()
          return withCached(end.verdict, query, scanMessage)
        case 'nothing':
          return scanAlone()
        case 'unknown':
          vain++
          if (vain === VAIN_SCANS) return { result: end.result }
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
   * Resolves to the result for a message and for all copies that wait for it: a valid cached verdict,
   * otherwise the result of a scan. Resolves to undefined if another process has begun to scan a copy first.
   */
  async #lookUpOrScan(
    identity: CacheableMessage,
    scanMessage: ScanMessage,
  ): Promise<CachedOrScanned | undefined> {
    const { memory, shared, signatureFiles, now } = this.#options
    const { timeLeft } = identity.query
    const within = timeLeft()
    const scan = memory.scansForCopies.begin(identity.fingerprint, within)
    const isFirst = () => memory.scansForCopies.of(identity.fingerprint) === scan
    let found: FoundByScan = { end: { kind: 'nothing' }, mayLast: false }
    try {
      const verdict = await this.#findCached(identity, within * SHARE_OF_WAITING)
      if (verdict !== undefined) {
        scan.end({ kind: 'verdict', verdict }) // copies need not wait for the scanners that always scan
        return await withCached(verdict, identity.query, scanMessage)
      }
      const given = timeLeft()
      const inUse = await findSignaturesInUse(identity.scanners, signatureFiles(), now())
      let isByThese = true
      const note = (scanner: string, version: string | undefined) => {
        isByThese &&= version === identity.versions[scanner]
      }
      if (!isFirst()) {
        found = { end: ELSEWHERE, mayLast: false }
        return undefined
      }
      const result = await this.#scan(identity, scanMessage, note)
      const forCopies = await resultForCopies(result, identity, (scanners, header) =>
        scanMessage(scanners, { signatures: note, header }),
      )
      found = this.#foundBy(forCopies, identity, given, isByThese ? inUse : undefined)
      return { result }
    } finally {
      const { end, mayLast } = found
      scan.end(end)
      if (end.kind === 'verdict' && mayLast) this.#cache(end.verdict, identity)
      else shared?.release(identity.fingerprint)
    }
  }

  /**
   * Scans a message, unless it must not be scanned now. Counts the death of a scanner. `noteSignatures` is
   * called as described for `signatures` of ScanTask.
   */
  async #scan(
    identity: MessageIdentity,
    scanMessage: ScanMessage,
    noteSignatures?: ScanTask['signatures'],
  ): Promise<ScanResult> {
    const { query } = identity
    const { poison, crashRecord, suspectGate } = this.#options.memory
    const fingerprint = await this.#exactly(identity)
    await yieldAfter(query.outgoing.length)
    const left = poison.leftAloneFor(fingerprint)
    if (left !== undefined) {
      const until = `not scanned for ${formatDuration(60_000 * Math.ceil(left / 60_000))}`
      const why = `poison: scanners crashed ${DEATHS_MAX} times while scanning it; ${until}`
      // Nothing was found out about a copy.
      return { answer: 'unknown', why, cause: 'poison', unfinished: true }
    }
    let scan: GatedScan | undefined
    let deathsBefore = 0
    const onPermit = async (signal: AbortSignal) => {
      const isSuspect = poison.isSuspect(fingerprint)
      const begun = await suspectGate.begin(isSuspect, signal)
      if (begun === undefined) return isSuspect ? NOT_ALONE : NOT_BESIDE
      scan = begun
      deathsBefore = poison.deathsOf(fingerprint)
      const over = crashRecord?.beginScan(fingerprint, begun.isLone)
      return () => {
        over?.()
        begun.end()
      }
    }
    const result = await scanMessage(query.scanners, { signatures: noteSignatures, onPermit })
    if (result.answer !== 'unknown') {
      poison.passed(fingerprint)
      return result
    }
    if (!result.scannerDied || scan === undefined) return result
    if (!scan.wasAlone) {
      poison.diedWithOthers(fingerprint)
      const why = `${result.why}; it was scanning other messages, too: next time this one is scanned alone`
      return { ...result, why }
    }
    const deaths = poison.died(fingerprint, deathsBefore)
    return { ...result, why: `${result.why}; crash ${deaths} of ${DEATHS_MAX} with this message` }
  }

  /** Resolves to the fingerprint by which a message is known when it is delivered again. */
  async #exactly({ query, fingerprint, fingerprintInput, secrets }: MessageIdentity) {
    if (query.isByBytes && fingerprint !== undefined) return fingerprint
    const body = query.message.body.chunks()
    return exactFingerprintOf(fingerprintInput, body, secrets.fingerprint, this.#options.crypto)
  }

  /**
   * Reports what the result of a scan means for copies. `inUse` is undefined if something was scanned by
   * other signatures than the identity names.
   */
  #foundBy(
    result: ScanResult,
    identity: CacheableMessage,
    given: number,
    inUse: SignaturesInUse | undefined,
  ): FoundByScan {
    const { host, fullTime } = this.#options
    if (result.answer === 'unknown') {
      // If the client has left or gave no time, copies must not be deferred for that: they are scanned
      // themselves.
      const isConclusive = !result.unfinished && given >= fullTime / 2
      const { why, cause } = result
      const failed = { kind: 'unknown', result: unknown(why, cause) } as const
      return { end: isConclusive ? failed : ELSEWHERE, mayLast: false }
    }
    const found = cacheablePartOf(result, identity)
    if (found === undefined || inUse === undefined) {
      return { end: { kind: 'nothing' }, mayLast: false }
    }
    const scanners = identity.scanners.map((scanner) => scanner.name)
    const signatures = joinVersions(identity.versions)
    const verdict = { found, scanners, signatures, time: inUse.since, host }
    // What is clean now may be infected by signatures that are being loaded.
    const mayLast = inUse.areLoaded || found.answer === 'infected'
    return { end: { kind: 'verdict', verdict }, mayLast }
  }

  #cache(verdict: CachedVerdict, { fingerprint, secrets, maxAge }: CacheableMessage): void {
    const { memory, shared, crypto } = this.#options
    memory.cacheVerdict(fingerprint, verdict, maxAge)
    shared?.put(fingerprint, sealVerdict(verdict, fingerprint, secrets.seal, crypto), maxAge)
  }

  /** Resolves to a cached verdict of this or another host that is valid here and now. */
  async #findCached(
    message: CacheableMessage,
    timeout: number,
  ): Promise<CachedVerdict | undefined> {
    const { memory, shared, crypto } = this.#options
    const { fingerprint, secrets, maxAge } = message
    const own = memory.cachedVerdict(fingerprint)
    if (own !== undefined && this.#doesCount(own, message)) return own
    const sealed = await shared?.get(fingerprint, timeout)
    const opened = sealed && openSealed(sealed, fingerprint, secrets.seal, crypto)
    if (opened === undefined || !this.#doesCount(opened, message)) return undefined
    const left = Math.max(1, Math.min(maxAge, opened.time + maxAge - this.#seconds()))
    memory.cacheVerdict(fingerprint, opened, left)
    return opened
  }

  /** Returns whether the verdict applies to this message, here and now. */
  #doesCount(verdict: CachedVerdict, { query, maxAge, versions }: CacheableMessage): boolean {
    // The scan that found it may have ended there.
    if (verdict.found.answer === 'infected' && query.isTolerated?.(verdict.found)) return false
    const { signatureFiles, host } = this.#options
    const here = { host, files: signatureFiles(), signatures: joinVersions(versions) }
    return isStillValid(verdict, { now: this.#seconds(), maxAge, ...here })
  }

  #seconds(): number {
    return Math.floor(this.#options.now() / 1000)
  }
}

/** The effect of a scan on the copies that wait, and whether its verdict may be cached for others. */
interface FoundByScan {
  readonly end: ScanEnd
  readonly mayLast: boolean
}

const ELSEWHERE = { kind: 'elsewhere' } as const

/** The results for messages that were not scanned. They do not apply to copies. */
const NOT_ALONE = notBegun(
  'scanners crashed while scanning it and others, and timed out while waiting to scan it alone',
)
const NOT_BESIDE = notBegun(
  'timed out while waiting for a message that may crash scanners and is scanned alone',
)

const TOO_LATE = unknown(
  'timed out while waiting for the scan of an identical message (SCANTIMEOUT)',
  'timeout',
)

function notBegun(why: string): ScanResult {
  return { answer: 'unknown', why, cause: 'busy', unfinished: true }
}

/**
 * Resolves to the end of a scan for which a copy waits. Resolves to TIMED_OUT if its time limit is reached
 * first, or to ABORTED if no client waits for its result any longer.
 */
async function endOf(
  ended: Promise<ScanEnd>,
  { timeLeft, gone }: VerdictQuery,
): Promise<ScanEnd | typeof TIMED_OUT | typeof ABORTED> {
  return withTimeout(gone ? unlessAborted(ended, gone) : ended, timeLeft())
}

/** Returns the part of a result that applies to every copy, or undefined if there is none. */
function cacheablePartOf(
  result: ScanResult,
  { scanners }: CacheableMessage,
): CachedVerdict['found'] | undefined {
  if (result.answer === 'clean') return result.partial ? undefined : { answer: 'clean' }
  if (result.answer !== 'infected' || result.banned || result.unconfirmed) return undefined
  const { name, scanner } = result
  if (scanner === undefined) return undefined
  if (!scanners.some((cacheable) => cacheable.name === scanner)) return undefined
  return { answer: 'infected', name, scanner }
}

/**
 * Resolves to the result that also applies to copies. A finding may come from fields that only this message
 * has. So `scanAgain` scans the fields that all copies share. If that scan finds nothing, no verdict about
 * copies is known, not even clean: the finding may need both.
 */
async function resultForCopies(
  result: ScanResult,
  identity: CacheableMessage,
  scanAgain: (scanners: readonly Scanner[], header: Header) => Promise<ScanResult>,
): Promise<ScanResult> {
  if (cacheablePartOf(result, identity)?.answer !== 'infected') return result
  const { outgoing, isByBytes } = identity.query
  if (isByBytes) return result
  const header = headerOfAllCopies(outgoing)
  if (header.bytes.equals(outgoing.bytes)) return result
  const again = await scanAgain(identity.scanners, header)
  return again.answer === 'infected' ? again : unread('skipped', 'its own result differs')
}

/**
 * Resolves to the result in which a cached verdict replaces the scanners that gave it. The other scanners run
 * in their order, except those after a scanner with a finding, which would not have run either. An ignored
 * finding or a limit never hides another finding.
 */
async function withCached(
  verdict: CachedVerdict,
  { scanners, settings, isTolerated }: VerdictQuery,
  scanMessage: ScanMessage,
): Promise<CachedOrScanned> {
  const { found } = verdict
  const others = scanners.filter(({ cacheable }) => !cacheable)
  if (found.answer === 'clean') {
    const { FINDINGS, STRICTMIME } = settings
    const isLeft = others.length > 0 || STRICTMIME !== 'off' || asksFor('encrypted', FINDINGS)
    const result = isLeft ? await scanMessage(others) : undefined
    if (result && result.answer !== 'clean') return { result }
    return { result: found, cached: verdict }
  }
  const first = scanners.findIndex(({ name }) => name === found.scanner)
  const before = scanners.slice(0, first).filter(({ cacheable }) => !cacheable)
  if (before.length > 0) {
    const result = await scanMessage(before)
    if (result.answer === 'infected' && !isTolerated?.(result)) return { result }
  }
  return { result: found, cached: verdict }
}
