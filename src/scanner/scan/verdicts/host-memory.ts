import { LRUCache } from 'lru-cache'
import type { CrashRecord } from '../crash-guard/crash-record.ts'
import { Poison, type PoisonEvent } from '../crash-guard/poison.ts'
import { SuspectGate } from '../crash-guard/suspect-gate.ts'
import { Canaries, type CanaryEvent } from '../scanners/clamd/canary.ts'
import type { CachedVerdict } from './copies/fresh.ts'
import { type ScanEvent, ScansForCopies } from './copies/scans-for-copies.ts'

/** The events that one process sends to the others, as JSON. */
export interface HostEvents {
  /** Process id of the sender. */
  readonly from: number
  /** Set if the process `from` has ended, which another process reports. */
  readonly hasEnded?: true
  readonly events: readonly HostEvent[]
}

type HostEvent =
  | {
      readonly kind: 'found'
      readonly fingerprint: string
      readonly verdict: CachedVerdict
      readonly seconds: number
    }
  | ScanEvent
  | PoisonEvent
  | CanaryEvent
  | { readonly kind: 'restarted'; readonly at: number }

/**
 * What a process does with mail: `none` in the first process, which passes events on; `alone` if it is the only one that
 * scans any; otherwise `shared`.
 */
type Scanning = 'none' | 'alone' | 'shared'

/** Returns whether an event is of use to a process only if it scans copies of the message. */
const isAboutCopies = ({ kind }: HostEvent): boolean =>
  kind === 'found' || kind === 'begun' || kind === 'ended'

/** Bytes of verdicts that one process keeps. onescand(8) has this number. */
const VERDICTS_MAX = 16 * 1024 * 1024
/** Upper limit, in bytes, for the overhead of a verdict in addition to its fingerprint and its texts. */
const ENTRY_OVERHEAD = 256
/** Milliseconds for which events are collected, and then sent together. */
const GATHERED_FOR = 3

/**
 * The cached data of a daemon, which survives a reload of its settings. Each process that scans holds all of
 * it, and receives from the others their verdicts and the scans that they begin. So a process finds a verdict
 * without a request to another one.
 */
export class HostMemory {
  readonly scansForCopies: ScansForCopies
  readonly poison: Poison
  readonly suspectGate = new SuspectGate()
  /** Each clamd that finds the test virus. */
  readonly canaries = new Canaries()
  /** The messages that this process is judging, for the first process. */
  readonly crashRecord: CrashRecord | undefined
  readonly #self: number
  readonly #scanning: Scanning
  /**
   * The least recently used verdicts are dropped. (The cache of base/flow/ counts entries and not bytes, and
   * none of them expires.)
   */
  readonly #verdicts = new LRUCache<string, CachedVerdict>({
    maxSize: VERDICTS_MAX,
    sizeCalculation: (verdict, fingerprint) =>
      JSON.stringify(verdict).length + fingerprint.length + ENTRY_OVERHEAD,
  })
  /** The last restart of a clamd, in Unix seconds; 0 if none was noticed. */
  #restarted = 0
  #send: ((events: HostEvents) => void) | undefined
  #events: HostEvent[] = []

  /** `self` is the id of this process. `crashRecord` is set if the first process reads it. */
  constructor({
    self = process.pid,
    scanning = 'shared',
    crashRecord,
  }: {
    readonly self?: number
    readonly scanning?: Scanning
    readonly crashRecord?: CrashRecord
  } = {}) {
    this.#self = self
    this.#scanning = scanning
    this.crashRecord = crashRecord
    this.scansForCopies = new ScansForCopies(self, (event) => this.#notify(event))
    this.poison = new Poison((event) => this.#notify(event))
  }

  /** Returns the cached verdict on a message and its copies, or undefined if there is none. */
  cachedVerdict(fingerprint: string): CachedVerdict | undefined {
    return this.#verdicts.get(fingerprint)
  }

  /** Caches a verdict for `seconds`, in all processes. */
  cacheVerdict(fingerprint: string, verdict: CachedVerdict, seconds: number): void {
    this.#verdicts.set(fingerprint, verdict, { ttl: seconds * 1000 })
    this.#notify({ kind: 'found', fingerprint, verdict, seconds })
  }

  /** Whether no scanner was restarted since the time of this verdict, as far as is known. */
  isSinceRestart({ time }: CachedVerdict): boolean {
    return time > this.#restarted
  }

  /**
   * Notes that the conversation of a clamd with the first process has ended, or that it has answered after that, `at` this
   * time (Unix seconds). It may have other settings, which its version does not show, so earlier verdicts no longer apply.
   */
  noteRestart(at: number): void {
    this.#restarted = at
    this.#notify({ kind: 'restarted', at })
  }

  /** Notes whether a server has found the test virus, in all processes. */
  noteCanary(event: CanaryEvent): void {
    this.canaries.record(event)
    this.#notify(event)
  }

  /** Sends events to the other processes through `send` from now on. */
  connect(send: (events: HostEvents) => void): void {
    this.#send = send
  }

  /** Takes the events of another process. */
  receive({ from, hasEnded, events }: HostEvents): void {
    if (hasEnded) this.scansForCopies.left(from)
    for (const event of events) this.#receiveEvent(event, from)
  }

  /** The events that a new process gets first. */
  initialEvents(): HostEvents {
    const restart = { kind: 'restarted', at: this.#restarted } as const
    return { from: this.#self, events: [restart, ...this.poison.allEvents()] }
  }

  /** Returns the events for the other processes when a process has ended: its scans will not finish. */
  endOf(process: number): HostEvents {
    this.scansForCopies.left(process)
    return { from: process, hasEnded: true, events: [] }
  }

  #notify(event: HostEvent): void {
    if (this.#send === undefined) return
    if (this.#scanning === 'alone' && isAboutCopies(event)) return
    if (this.#events.length === 0) setTimeout(() => this.#flush(), GATHERED_FOR)
    this.#events.push(event)
  }

  #flush(): void {
    const events = this.#events
    this.#events = []
    this.#send?.({ from: this.#self, events })
  }

  #receiveEvent(event: HostEvent, from: number): void {
    if (this.#scanning === 'none' && isAboutCopies(event)) return
    switch (event.kind) {
      case 'found':
        this.#verdicts.set(event.fingerprint, event.verdict, { ttl: event.seconds * 1000 })
        break
      case 'begun':
      case 'ended':
        this.scansForCopies.receive(event, from)
        break
      case 'died':
      case 'passed':
        this.poison.receive(event)
        break
      case 'canary':
        this.canaries.record(event)
        break
      case 'restarted':
        this.#restarted = event.at
    }
  }
}
