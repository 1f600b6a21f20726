import type { Crypto } from '../cluster/mac.ts'
import { countedFrom, type SignatureFiles } from '../cluster/signature-files.ts'
import type { Header } from '../message/header-block.ts'
import type { Message } from '../message/spool.ts'
import type { ScanResult } from '../scan/scan.ts'
import { haveLoaded } from '../scan/shared/have-loaded.ts'
import type { ScanPolicy } from '../scan/shared/scan-policy.ts'
import type { Scanner, ScanTask } from '../scan/shared/scanner.ts'
import { joinVersions, type ScannerVersions } from '../scan/shared/signatures.ts'
import { lookCarefully, type PoisonPolicy, toldOfSuspects } from './careful-look.ts'
import { exactFingerprintOf, fingerprintOf, type Subject } from './fingerprint.ts'
import {
  type CouldNotTell,
  createFlights,
  type Flights,
  type Landing,
  landedWithin,
  type OwnFlight,
} from './flights.ts'
import { staleness } from './fresh.ts'
import { looksOf } from './looks.ts'
import type { PoisonCounters, Withheld } from './poison.ts'
import { openSealed, sealVerdict } from './seal.ts'
import type { Secrets } from './secrets.ts'
import type { Sharing, VerdictStore } from './store.ts'
import type { RememberedVerdict } from './verdict.ts'
import { noteVersions, tellSignatures, versionsNow } from './versions.ts'

/** What a memory of verdicts needs of the world. */
export interface VerdictsOptions {
  /** Asked in this order until one has a verdict that counts; what is found is put into all. */
  readonly stores: readonly VerdictStore[]
  /** Of the moment: keys have a last day. */
  readonly secrets: () => Secrets
  readonly crypto: Crypto
  /** Seconds after which a verdict does not count any more. */
  readonly maxAge: number
  /** This host's name, for logs of others. */
  readonly host: string
  /** The signatures that lie here. */
  readonly signatureFiles: () => SignatureFiles | undefined
  /** Milliseconds, as Date.now(). */
  readonly now: () => number
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** The scans that are under way, in all processes of the host if they tell each other. */
  readonly flights?: Flights
  /**
   * Milliseconds that a scan is given here (SCANTIMEOUT): what had less than half of that, or was
   * left before its end, says nothing of the message.
   */
  readonly fullTime: number
  /** Messages that scanners died of; without it all are scanned. */
  readonly poison?: PoisonPolicy | undefined
}

/** A message that scanners would look at. */
export interface Question {
  readonly message: Pick<Message, 'form' | 'body' | 'confirmFile'>
  /** Its header as it will leave. */
  readonly leaving: Header
  /** All that would run, in their order. */
  readonly scanners: readonly Scanner[]
  readonly policy: ScanPolicy
  /** Seconds: no older verdict may count for it, whatever the memory's own limit is. */
  readonly maxAge: number
  /** What it may have in common with others: common-marks.ts. */
  readonly marks: readonly string[]
}

/** Scans a message with these scanners, within so many milliseconds. */
export type Look = (
  scanners: readonly Scanner[],
  timeout: number,
  signatures?: ScanTask['signatures'],
) => Promise<ScanResult>

/** The result, and the remembered verdict if it comes from one. */
export interface Found {
  readonly result: ScanResult
  readonly known?: RememberedVerdict
}

/** The stage between verifying and scanning: verdicts about copies of a message. */
export interface Verdicts {
  /**
   * The result of the scanners for the message: the verdict about a copy, as far as it counts,
   * and otherwise the result of `look`. Copies that come meanwhile wait for it, each within
   * its own time. Scanners that are not `memorable` always scan.
   */
  find(question: Question, look: Look): Promise<Found>
  /** Messages that are not given to scanners now, because these died of them. */
  withheld(): Withheld
  /** What was kept from other mail; undefined if messages that scanners die of are not looked for. */
  poisoned(): PoisonCounters | undefined
  /** How it goes with the store that hosts share; undefined if there is none. */
  sharing(): Sharing | undefined
  close(): void
}

/** Scans that could not tell, after which copies that waited for them are not scanned either. */
const VAIN_LOOKS = 2
/** Of the time that a message has, for which another host that is scanning a copy is waited for. */
export const SHARE_OF_WAITING = 0.25

export function openVerdicts(options: VerdictsOptions): Verdicts {
  const { stores, crypto, host, uptime, flights = createFlights() } = options
  const seconds = () => Math.floor(options.now() / 1000)

  /** What is known to hold here and now. The stores that were asked before the one that knew it keep it. */
  async function recall(name: Name, patience: number): Promise<RememberedVerdict | undefined> {
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

  function doesCount(verdict: RememberedVerdict, { maxAge, versions }: Name): boolean {
    const standard = {
      now: seconds(),
      maxAge,
      signatures: joinVersions(versions),
      files: options.signatureFiles(),
      host,
    }
    return staleness(verdict, standard) === undefined
  }

  function remember(verdict: RememberedVerdict, { fingerprint, secrets, maxAge }: Name): void {
    const sealed = sealVerdict(verdict, fingerprint, secrets.seal, crypto)
    for (const store of stores) store.put(fingerprint, sealed, maxAge)
  }

  /** No verdict came of a scan: who waits for one need not. */
  function release({ fingerprint }: Name): void {
    for (const store of stores) store.release?.(fingerprint)
  }

  async function nameOf(question: Question): Promise<Name | Nameless | undefined> {
    const { message, leaving, policy } = question
    const maxAge = Math.min(options.maxAge, question.maxAge)
    const scanners = question.scanners.filter(({ memorable }) => memorable)
    if (scanners.length === 0 || maxAge === 0) return undefined
    const { formFault, digests } = await message.form()
    const subject: Subject = {
      header: leaving,
      formFault,
      bodyDigest: digests.sha256,
      looks: looksOf(policy, scanners),
    }
    const secrets = options.secrets()
    const here = { host, signatureDate: options.signatureFiles()?.changed }
    const fingerprint = tellSignatures(scanners, here)
      ? fingerprintOf(subject, secrets.fingerprint, crypto)
      : undefined
    const versions = await versionsNow(scanners, here)
    return versions && { fingerprint, secrets, maxAge, versions, scanners, subject }
  }

  /** As careful-look.ts says, where messages are known that scanners died of. */
  async function lookWithCare(
    { message, scanners, marks }: Question,
    name: Nameless,
    look: Look,
    timeout: number,
    told?: ScanTask['signatures'],
  ): Promise<ScanResult> {
    const { poison, fullTime } = options
    if (poison === undefined) return look(scanners, timeout, told)
    const { fingerprint: secret } = name.secrets
    const fingerprint = await exactFingerprintOf(name.subject, message.body(), secret, crypto)
    return lookCarefully(
      { fingerprint, marks },
      { poison, timeout, fullTime, uptime, scanner: name.scanners[0]!.name },
      (left, suspects) => {
        return look(suspects ? scanners.map(toldOfSuspects(suspects)) : scanners, left, told)
      },
    )
  }

  /**
   * What was found is kept in a turn of its own: sealing it takes time, and the answer about
   * this message goes first. A copy that comes meanwhile waits for the flight; where the verdict
   * may not last, that is all who get it.
   */
  function rememberAndLand(
    flight: OwnFlight,
    landing: Landing,
    name: Name,
    mayLast: boolean,
  ): void {
    if (landing.kind !== 'verdict' || !mayLast) {
      flight.land(landing)
      release(name)
      return
    }
    setImmediate(() => {
      try {
        remember(landing.verdict, name)
      } finally {
        flight.land(landing)
      }
    })
  }

  function isBrief(timeout: number): boolean {
    return timeout < options.fullTime / 2
  }

  /** Who looks first, for all that wait. */
  async function lead(question: Question, name: Name, look: Look, within: number): Promise<Found> {
    const flight = flights.begin(name.fingerprint, within)
    const until = uptime() + within
    let landing: Landing = { kind: 'nothing' }
    let mayLast = false
    try {
      const verdict = await recall(name, within * SHARE_OF_WAITING)
      const timeout = Math.max(1, until - uptime())
      if (verdict !== undefined) {
        flight.land({ kind: 'verdict', verdict }) // nobody waits for what is this message's own affair
        return await believe(verdict, question, look, timeout)
      }
      const files = options.signatureFiles()
      const isUpToDate = await haveLoaded(name.scanners, files, options.now())
      const began = countedFrom(files, options.now())
      const { told, joined } = noteVersions(name.versions)
      const result = await lookWithCare(question, name, look, timeout, told)
      if (result.answer === 'unknown') {
        // Who leaves, or has no time, cannot have others' mail deferred: they look themselves.
        const isTelling = !result.unfinished && !isBrief(timeout)
        landing = isTelling
          ? { kind: 'unknown', why: result.why, cause: result.cause }
          : { kind: 'elsewhere' }
      }
      const signatures = joined()
      const found = memorableOf(result, name)
      if (found !== undefined && signatures !== undefined) {
        question.message.confirmFile()
        const scanners = name.scanners.map((scanner) => scanner.name)
        landing = { kind: 'verdict', verdict: { found, scanners, signatures, time: began, host } }
        // What is clean may not be by signatures that are on their way.
        mayLast = isUpToDate || found.answer === 'infected'
      }
      return { result }
    } finally {
      rememberAndLand(flight, landing, name, mayLast)
    }
  }

  return {
    async find(question, look) {
      const { timeout } = question.policy
      const deadline = uptime() + timeout
      const name = await nameOf(question)
      if (name === undefined) return { result: await look(question.scanners, timeout) }
      const timeLeft = () => Math.max(1, deadline - uptime())
      if (!isNamed(name)) return { result: await lookWithCare(question, name, look, timeLeft()) }
      for (let vain = 0; ; ) {
        const flight = flights.of(name.fingerprint)
        if (flight === undefined) return lead(question, name, look, timeLeft())
        const landing = await landedWithin(flight, deadline - uptime())
        if (landing === undefined) return { result: couldNotTell(name, TOO_LATE) }
        switch (landing.kind) {
          case 'verdict':
            if (doesCount(landing.verdict, name)) {
              return believe(landing.verdict, question, look, timeLeft())
            }
            return { result: await lookWithCare(question, name, look, timeLeft()) }
          case 'elsewhere':
            break // it is in a store, or nowhere: one of those that wait finds out
          case 'nothing':
            return { result: await lookWithCare(question, name, look, timeLeft()) }
          case 'unknown':
            if (++vain === VAIN_LOOKS) return { result: couldNotTell(name, landing) }
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
 * A message that may have no name among verdicts: it has no form that all read alike, or its
 * scanners do not tell their signatures.
 */
interface Nameless {
  readonly fingerprint: Buffer | undefined
  readonly secrets: Secrets
  /** Seconds. */
  readonly maxAge: number
  /** By which the scanners would look now. */
  readonly versions: ScannerVersions
  /** Those whose verdict may be remembered. */
  readonly scanners: readonly Scanner[]
  readonly subject: Subject
}

/** One by its name, and what holds for it. */
interface Name extends Nameless {
  readonly fingerprint: Buffer
}

function isNamed(name: Nameless): name is Name {
  return name.fingerprint !== undefined
}

const TOO_LATE = {
  why: 'a copy of it was being scanned for all of its own time (SCANTIMEOUT)',
  cause: 'timeout',
} as const

function couldNotTell(
  { scanners }: Nameless,
  { why, cause }: CouldNotTell,
): Extract<ScanResult, { answer: 'unknown' }> {
  return { answer: 'unknown', scanner: scanners[0]!.name, why, cause }
}

/** What of a result says something of every copy. */
function memorableOf(
  result: ScanResult,
  { scanners }: Name,
): RememberedVerdict['found'] | undefined {
  if (result.answer === 'clean') return { answer: 'clean' }
  if (result.answer !== 'infected' || result.banned) return undefined
  const { name, scanner } = result
  if (!scanners.some((one) => one.name === scanner)) return undefined
  return { answer: 'infected', name, scanner }
}

/**
 * The result with a verdict in the place of the scanners that gave it. The others run, in
 * their order: those behind the one that found something would not have run, either.
 */
async function believe(
  verdict: RememberedVerdict,
  { scanners, policy }: Question,
  look: Look,
  timeout: number,
): Promise<Found> {
  const { found } = verdict
  const others = scanners.filter(({ memorable }) => !memorable)
  if (found.answer === 'clean') {
    const isLeft = others.length > 0 || policy.secondLook.strict !== 'off'
    const result = isLeft ? await look(others, timeout) : undefined
    if (result && result.answer !== 'clean') return { result }
    return { result: { answer: 'clean', scanners }, known: verdict }
  }
  const first = scanners.findIndex(({ name }) => name === found.scanner)
  const before = scanners.slice(0, first).filter(({ memorable }) => !memorable)
  if (before.length > 0) {
    const result = await look(before, timeout)
    if (result.answer !== 'clean') return { result }
  }
  const { name, scanner } = found
  return { result: { answer: 'infected', name, scanner, banned: false }, known: verdict }
}
