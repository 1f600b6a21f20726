import { countedFrom, type SignatureFiles } from '../cluster/signature-files.ts'
import type { Crypto } from '../ground/runtime/crypto.ts'
import type { Header } from '../message/header-block.ts'
import type { Message } from '../message/spool.ts'
import { haveLoaded } from '../scan/shared/have-loaded.ts'
import type { ScanPolicy } from '../scan/shared/scan-policy.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { Scanner, ScanTask } from '../scan/shared/scanner.ts'
import { joinVersions, type ScannerVersions } from '../scan/shared/signatures.ts'
import { type PoisonPolicy, scanCarefully, warnedOfSuspects } from './careful-scan.ts'
import { exactFingerprintOf, type FingerprintInput, fingerprintOf } from './fingerprint.ts'
import { stillCounts } from './fresh.ts'
import type { PoisonCounters, Withheld } from './poison.ts'
import { describeScan } from './scan-description.ts'
import {
  type CouldNotTell,
  createScansInFlight,
  endedWithin,
  type OwnScan,
  type ScanEnd,
  type ScansInFlight,
} from './scans-in-flight.ts'
import { openSealed, sealVerdict } from './seal.ts'
import type { Secrets } from './secrets.ts'
import type { Sharing, VerdictStore } from './store.ts'
import type { RememberedVerdict } from './verdict.ts'
import { noteVersions, tellSignatures, versionsNow } from './versions.ts'

/** The surroundings of a memory of verdicts. */
export interface VerdictsOptions {
  /** The stores, asked in this order until one has a verdict that counts. A new verdict goes into all. */
  readonly stores: readonly VerdictStore[]
  /** Called for each message, because keys have a last day. */
  readonly secrets: () => Secrets
  readonly crypto: Crypto
  /** Seconds for which a verdict counts. */
  readonly maxAge: number
  /** This host's name, for logs of others. */
  readonly host: string
  /** The signature files of this host. */
  readonly signatureFiles: () => SignatureFiles | undefined
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

/** A message that is to be scanned, unless there is a verdict about a copy. */
export interface VerdictQuery {
  readonly message: Pick<Message, 'form' | 'body' | 'confirmFile'>
  /** The header as it will leave. */
  readonly leaving: Header
  /** All scanners for the message, in their order. */
  readonly scanners: readonly Scanner[]
  readonly policy: ScanPolicy
  /** Seconds; no older verdict counts for this message, whatever the memory's own limit is. */
  readonly maxAge: number
  /** What the message may have in common with others (common-marks.ts). */
  readonly marks: readonly string[]
}

/** Scans a message with these scanners, within so many milliseconds. */
export type ScanWith = (
  scanners: readonly Scanner[],
  timeout: number,
  signatures?: ScanTask['signatures'],
) => Promise<ScanResult>

/** A result, and the remembered verdict that it comes from, if it does. */
export interface KnownOrScanned {
  readonly result: ScanResult
  readonly known?: RememberedVerdict
}

/** The stage between verifying stamps and scanning: verdicts about copies of a message. */
export interface Verdicts {
  /**
   * Resolves to the result for a message: from the verdict about a copy if one counts, otherwise from
   * `scanWith`. Copies that come meanwhile wait for that scan, each within its own time. Scanners that
   * are not `memorable` always scan.
   */
  find(question: VerdictQuery, scanWith: ScanWith): Promise<KnownOrScanned>
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
    name: FingerprintedMessage,
    patience: number,
  ): Promise<RememberedVerdict | undefined> {
    const { fingerprint, secrets, maxAge } = name
    for (const [index, store] of stores.entries()) {
      const sealed = await store.get(fingerprint, patience)
      if (sealed === undefined) continue
      const verdict = openSealed(sealed, fingerprint, secrets.seal, crypto)
      if (!verdict || !doesCount(verdict, name)) continue
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

  async function identify(
    question: VerdictQuery,
  ): Promise<FingerprintedMessage | MessageIdentity | undefined> {
    const { message, leaving, policy } = question
    const maxAge = Math.min(options.maxAge, question.maxAge)
    const scanners = question.scanners.filter(({ memorable }) => memorable)
    if (scanners.length === 0 || maxAge === 0) return undefined
    const { formFault, digests } = await message.form()
    const subject: FingerprintInput = {
      header: leaving,
      formFault,
      bodyDigest: digests.sha256,
      scanDescription: describeScan(policy, scanners),
    }
    const secrets = options.secrets()
    const here = { host, signatureDate: options.signatureFiles()?.changed }
    const common = fingerprintOf(subject, secrets.fingerprint, crypto)
    const fingerprint = tellSignatures(scanners, here) ? common : undefined
    const versions = await versionsNow(scanners, here)
    return versions && { fingerprint, common, secrets, maxAge, versions, scanners, subject }
  }

  /** Scans a message, with the care of careful-scan.ts unless that is switched off. */
  async function scanWithCare(
    { message, scanners, marks }: VerdictQuery,
    name: MessageIdentity,
    scanWith: ScanWith,
    timeout: number,
    told?: ScanTask['signatures'],
  ): Promise<ScanResult> {
    const { poison, fullTime } = options
    if (poison === undefined) return scanWith(scanners, timeout, told)
    const { fingerprint: secret } = name.secrets
    const { subject, common } = name
    const fingerprint = await exactFingerprintOf(subject, common, message.body(), secret, crypto)
    return scanCarefully(
      { fingerprint, marks },
      { poison, timeout, fullTime, uptime, scanner: name.scanners[0]!.name },
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
    name: FingerprintedMessage,
    mayLast: boolean,
  ): void {
    if (end.kind !== 'verdict' || !mayLast) {
      scan.end(end)
      release(name)
      return
    }
    setImmediate(() => {
      try {
        remember(end.verdict, name)
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
    question: VerdictQuery,
    name: FingerprintedMessage,
    scanWith: ScanWith,
    within: number,
  ): Promise<KnownOrScanned> {
    const scan = inFlight.begin(name.fingerprint, within)
    const until = uptime() + within
    let end: ScanEnd = { kind: 'nothing' }
    let mayLast = false
    try {
      const verdict = await recall(name, within * SHARE_OF_WAITING)
      const timeout = Math.max(1, until - uptime())
      if (verdict !== undefined) {
        scan.end({ kind: 'verdict', verdict }) // copies need not wait for the scanners that always scan
        return await withRemembered(verdict, question, scanWith, timeout)
      }
      const files = options.signatureFiles()
      const isUpToDate = await haveLoaded(name.scanners, files, options.now())
      const began = countedFrom(files, options.now())
      const { told, joined } = noteVersions(name.versions)
      const result = await scanWithCare(question, name, scanWith, timeout, told)
      if (result.answer === 'unknown') {
        // If the client has left or gave no time, copies must not be deferred for that: they are scanned
        // themselves.
        const isTelling = !result.unfinished && !isBrief(timeout)
        end = isTelling
          ? { kind: 'unknown', why: result.why, cause: result.cause }
          : { kind: 'elsewhere' }
      }
      const signatures = joined()
      const found = memorableOf(result, name)
      if (found !== undefined && signatures !== undefined) {
        question.message.confirmFile()
        const scanners = name.scanners.map((scanner) => scanner.name)
        end = { kind: 'verdict', verdict: { found, scanners, signatures, time: began, host } }
        // What is clean now may be infected by signatures that are being loaded.
        mayLast = isUpToDate || found.answer === 'infected'
      }
      return { result }
    } finally {
      rememberAndEnd(scan, end, name, mayLast)
    }
  }

  return {
    async find(question, scanWith) {
      const { timeout } = question.policy
      const deadline = uptime() + timeout
      const name = await identify(question)
      if (name === undefined) return { result: await scanWith(question.scanners, timeout) }
      const timeLeft = () => Math.max(1, deadline - uptime())
      if (!hasFingerprint(name))
        return { result: await scanWithCare(question, name, scanWith, timeLeft()) }
      for (let vain = 0; ; ) {
        const scan = inFlight.of(name.fingerprint)
        if (scan === undefined) return scanForAll(question, name, scanWith, timeLeft())
        const end = await endedWithin(scan, deadline - uptime())
        if (end === undefined) return { result: couldNotTell(name, TOO_LATE) }
        switch (end.kind) {
          case 'verdict':
            if (doesCount(end.verdict, name)) {
              return withRemembered(end.verdict, question, scanWith, timeLeft())
            }
            return { result: await scanWithCare(question, name, scanWith, timeLeft()) }
          case 'elsewhere':
            break // the verdict is in a store, or nowhere: one of the waiting copies finds out
          case 'nothing':
            return { result: await scanWithCare(question, name, scanWith, timeLeft()) }
          case 'unknown':
            if (++vain === VAIN_LOOKS) return { result: couldNotTell(name, end) }
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

/**
 * What decides about verdicts on a message. There is no fingerprint if readers of mail may differ about
 * its form, or if its scanners do not name their signatures.
 */
interface MessageIdentity {
  readonly fingerprint: Buffer | undefined
  /** The fingerprint, whether or not the scanners name their signatures. */
  readonly common: Buffer | undefined
  readonly secrets: Secrets
  /** Seconds for which a verdict counts. */
  readonly maxAge: number
  /** The signatures by which the scanners would scan now. */
  readonly versions: ScannerVersions
  /** The scanners whose verdict may be remembered. */
  readonly scanners: readonly Scanner[]
  readonly subject: FingerprintInput
}

/** The same for a message with a fingerprint. */
interface FingerprintedMessage extends MessageIdentity {
  readonly fingerprint: Buffer
}

function hasFingerprint(name: MessageIdentity): name is FingerprintedMessage {
  return name.fingerprint !== undefined
}

const TOO_LATE = {
  why: 'a copy of it was being scanned for all of its own time (SCANTIMEOUT)',
  cause: 'timeout',
} as const

function couldNotTell(
  { scanners }: MessageIdentity,
  { why, cause }: CouldNotTell,
): Extract<ScanResult, { answer: 'unknown' }> {
  return { answer: 'unknown', scanner: scanners[0]!.name, why, cause }
}

/** The part of a result that holds for every copy; undefined if there is none. */
function memorableOf(
  result: ScanResult,
  { scanners }: FingerprintedMessage,
): RememberedVerdict['found'] | undefined {
  if (result.answer === 'clean') return { answer: 'clean' }
  if (result.answer !== 'infected' || result.banned) return undefined
  const { name, scanner } = result
  if (!scanners.some((known) => known.name === scanner)) return undefined
  return { answer: 'infected', name, scanner }
}

/**
 * Resolves to the result in which a remembered verdict stands for the scanners that gave it. The other
 * scanners run in their order; but not those behind a scanner that found something, which would not have
 * run either.
 */
async function withRemembered(
  verdict: RememberedVerdict,
  { scanners, policy }: VerdictQuery,
  scanWith: ScanWith,
  timeout: number,
): Promise<KnownOrScanned> {
  const { found } = verdict
  const others = scanners.filter(({ memorable }) => !memorable)
  if (found.answer === 'clean') {
    const isLeft = others.length > 0 || policy.secondLook.strict !== 'off'
    const result = isLeft ? await scanWith(others, timeout) : undefined
    if (result && result.answer !== 'clean') return { result }
    return { result: { answer: 'clean', scanners }, known: verdict }
  }
  const first = scanners.findIndex(({ name }) => name === found.scanner)
  const before = scanners.slice(0, first).filter(({ memorable }) => !memorable)
  if (before.length > 0) {
    const result = await scanWith(before, timeout)
    if (result.answer !== 'clean') return { result }
  }
  const { name, scanner } = found
  return { result: { answer: 'infected', name, scanner, banned: false }, known: verdict }
}
