import { setTimeout as pause } from 'node:timers/promises'
import { doubledPause } from '../../../ground/flow/back-off.ts'
import { LATE } from '../../../ground/flow/deadline.ts'
import type { StoreAccess } from '../../../protocol/valkey/address.ts'
import { isAboutOneKey } from '../../../protocol/valkey/connection.ts'
import { LastingConnection } from '../../../protocol/valkey/lasting-connection.ts'
import { RespError } from '../../../protocol/valkey/resp-reader.ts'
import { connectToStore } from './connect-to-store.ts'
import { watchKeyMarks } from './key-marks.ts'
import { keyOf, questionFor } from './store-keys.ts'

/** What a process has asked a shared store, and put there, since it was opened. */
interface SharingCounters {
  /** Messages for which the store was asked. */
  asked: number
  /** Those of them for which it had a verdict. */
  known: number
  /** Messages that waited for the verdict of another host, which was scanning a copy. */
  waited: number
  /** Questions that were not answered within VERDICTTIMEOUT. */
  late: number
  /** Questions and verdicts that the store answered with an error. */
  errors: number
  /** Verdicts that the store has taken. */
  published: number
}

export interface Sharing {
  readonly counters: Readonly<SharingCounters>
  /** Why verdicts are not shared now, in one line, as in the log; undefined if they are. */
  readonly trouble: string | undefined
}

export interface SharedStoreOptions extends StoreAccess {
  /** Milliseconds that a message waits for an answer. */
  readonly timeout: number
  readonly log: (line: string) => void
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** The mark of this host's key (secrets.ts). Without it nobody notices that other hosts have another key. */
  readonly mark?: () => Buffer
  /** Milliseconds between two polls of the mark in the store. */
  readonly markEvery?: number
}

/**
 * Milliseconds after which the claim of the host that scans expires: other hosts wait no longer for its
 * verdict.
 */
export const CLAIMED_FOR = 2_000

/** The value that stands for the verdict while a host is scanning. */
const CLAIM = Buffer.from('scanning')
/** Most characters of a server's error that are logged. */
const TOLD_MAX = 200
/** Milliseconds for storing a verdict, for which no mail waits. */
const PUT_WITHIN = 5_000
/** Milliseconds after which a host that waits asks again, doubled each time. */
const POLLS = { first: 5, longest: 40 }

/**
 * A store of verdicts that hosts share: Valkey or Redis, one server, or servers behind sentinels. The
 * first host that asks for a message claims it with the same question, and scans it; others wait for its
 * verdict as long as the claim lasts. It never throws: while the store is away, slow or full nobody waits
 * for it, it has no verdict, and what is found then is not put there, so copies are scanned once more on
 * each host. The values of the store are not trusted: see seal.ts.
 */
export class SharedStore {
  readonly #options: SharedStoreOptions
  readonly #counters: SharingCounters = {
    ...{ asked: 0, known: 0, waited: 0, late: 0, errors: 0, published: 0 },
  }
  readonly #troubles = new Map<string, string>()
  /** The claims of this process, and when they expire. */
  readonly #claims = new Map<string, number>()
  readonly #connection: LastingConnection
  readonly #marks: { close(): void } | undefined

  constructor(options: SharedStoreOptions) {
    this.#options = options
    const { uptime, mark, markEvery } = options
    const tell = (where: string, why: string | undefined) => this.#tell(where, why)
    this.#connection = new LastingConnection(
      (signal) => connectToStore(options, signal),
      (why) => tell('connection', why),
    )
    this.#marks = mark && watchKeyMarks(mark, this.#connection, { uptime, every: markEvery, tell })
  }

  /**
   * Returns the stored bytes, which anybody may have put there; undefined if there are none, and this
   * host scans the message. If another host is scanning it, waits for its verdict, `patience`
   * milliseconds at most.
   */
  get(fingerprint: string, patience = 0): Promise<Buffer | undefined> | undefined {
    return this.#connection.isReady ? this.#ask(keyOf(fingerprint), patience) : undefined
  }

  /** Stores a verdict for at most so many seconds; nobody waits until it is stored. */
  put(fingerprint: string, sealed: Buffer, seconds: number): void {
    const key = keyOf(fingerprint)
    this.#claims.delete(key)
    if (this.#connection.isReady) void this.#publish(key, sealed, seconds)
  }

  /** Tells other hosts that the scan after a `get` without result found no verdict: they need not wait. */
  release(fingerprint: string): void {
    const key = keyOf(fingerprint)
    const until = this.#claims.get(key)
    this.#claims.delete(key)
    // If the claim has expired, the value there may be another host's.
    const isOver = until === undefined || this.#options.uptime() >= until
    if (isOver || !this.#connection.isReady) return
    this.#connection.ask([['SET', key, CLAIM, 'XX', 'PX', '1']], PUT_WITHIN).catch(() => {})
  }

  sharing(): Sharing {
    return {
      counters: this.#counters,
      trouble: this.#troubles.values().next().value,
    }
  }

  close(): void {
    this.#marks?.close()
    this.#connection.close()
  }

  async #ask(key: string, patience: number): Promise<Buffer | undefined> {
    const { uptime } = this.#options
    this.#counters.asked++
    const until = uptime() + Math.min(patience, CLAIMED_FOR)
    for (let waits = 0; this.#connection.isReady; waits++) {
      const answer = await this.#claimOrGet(key).catch(() => undefined)
      if (answer?.isOurs) {
        this.#claims.set(key, uptime() + CLAIMED_FOR)
        return undefined
      }
      // A message that waits for another host's verdict asks again if an answer is late.
      const value = answer?.value ?? (waits > 0 ? CLAIM : undefined)
      if (!Buffer.isBuffer(value) || value.length === 0) return undefined
      if (!value.equals(CLAIM)) {
        this.#counters.known++
        return value
      }
      if (uptime() >= until) return undefined
      if (waits === 0) this.#counters.waited++
      await pause(doubledPause(waits, POLLS))
    }
    return undefined
  }

  /** Resolves to the value, and whether this host has just claimed it; undefined without an answer. */
  async #claimOrGet(key: string) {
    // A store that takes nothing takes no claims.
    const claiming = ['SET', key, CLAIM, 'NX', 'PX', String(CLAIMED_FOR)]
    const claims = this.#troubles.has('put') ? [] : [claiming]
    const questions = [...claims, questionFor(key)]
    const replies = await this.#connection.ask(questions, this.#options.timeout)
    if (replies === LATE) {
      this.#counters.late++
      return undefined
    }
    const value = replies.at(-1)
    const [claim] = replies.slice(0, claims.length)
    if (claim instanceof RespError) this.#erred('put', claim)
    if (value instanceof RespError) {
      this.#erred('get', value)
      return undefined
    }
    this.#tell('get', undefined)
    return { isOurs: claim === 'OK', value }
  }

  /** Offers a verdict to the store. */
  async #publish(key: string, sealed: Buffer, seconds: number): Promise<void> {
    const words = ['SET', key, sealed, 'PX', String(1000 * seconds)]
    const answer = await this.#connection.ask([words], PUT_WITHIN).catch(() => undefined)
    if (answer === undefined || answer === LATE) return // the connection tells why
    const [reply] = answer
    if (reply instanceof RespError) this.#erred('put', reply)
    if (reply !== 'OK') return
    this.#counters.published++
    this.#tell('put', undefined)
  }

  /** Counts an error, and logs it unless it is about one key only. */
  #erred(what: 'get' | 'put', error: RespError): void {
    this.#counters.errors++
    const isReplica = error.message.startsWith('READONLY ')
    if (isReplica && this.#options.address.kind === 'sentinel') this.#connection.renew()
    if (!isAboutOneKey(error)) this.#tell(what, error.message)
  }

  /** Logs a trouble once, until another one comes, and the end of all troubles. */
  #tell(where: string, why: string | undefined): void {
    const { address, log } = this.#options
    const troubles = this.#troubles
    if (why === undefined) {
      const wasTroubled = troubles.delete(where)
      if (wasTroubled && troubles.size === 0) log(`VERDICTS ${address.text}: answers again`)
      return
    }
    const said = why.slice(0, TOLD_MAX)
    const isKnown = [...troubles.values()].includes(said)
    troubles.set(where, said)
    if (!isKnown) log(`VERDICTS ${address.text}: ${said}; messages are scanned meanwhile`)
  }
}

// In this bundle, which has all that talks to a store.
export { tryStore } from './try-store.ts'
