import { setTimeout as pause } from 'node:timers/promises'
import { doubledPause } from '../../../../base/flow/back-off.ts'
import { answerInTime, TIMED_OUT } from '../../../../base/flow/timeout.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import { limitChanges } from '../../../../base/log/limit-changes.ts'
import { RespError } from '../../../protocol/valkey/resp-reader.ts'
import type { StoreAccess } from '../../../protocol/valkey/store-address.ts'
import {
  connectLastingly,
  connectOnce,
  type StoreConnection,
} from '../../../protocol/valkey/store-connection.ts'
import { isAboutOneKey, type RespCommand } from '../../../protocol/valkey/valkey-connection.ts'
import { SEALED_MAX } from './seal.ts'

/** The numbers of requests to a shared store and of stored verdicts, since it was opened. */
interface SharingCounters {
  /** Messages for which a request was sent to the store. */
  asked: number
  /** Messages for which the store had a verdict. */
  known: number
  /** Messages that waited for the verdict of another host, which was scanning a copy. */
  waited: number
  /** Queries that were not answered in time. */
  late: number
  /** Queries and verdicts that the store answered with an error. */
  errors: number
  /** Verdicts that the store has taken. */
  published: number
}

export interface Sharing {
  readonly counters: Readonly<SharingCounters>
  /** Why verdicts are not shared now, in one line, as in the log, or undefined if they are shared. */
  readonly trouble: string | undefined
}

/**
 * Milliseconds that a message waits for an answer: enough for a store in another city, and short compared with
 * a scan.
 */
export const STORE_TIMEOUT = 100

export interface SharedStoreOptions extends StoreAccess {
  /** Milliseconds that a message waits for an answer. */
  readonly timeout: number
  readonly log: (line: string) => void
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /**
   * Returns the mark of this host's key (secrets.ts). Without it, a different key on another host goes
   * unnoticed.
   */
  readonly mark?: () => Buffer
  /** Milliseconds between two polls of the mark in the store. */
  readonly markEvery?: number
}

/**
 * Milliseconds after which the claim of the host that scans expires: other hosts wait no longer for its
 * verdict.
 */
const CLAIMED_FOR = 2_000

/** The value stored while a host is scanning, before the verdict is known. */
const CLAIM = Buffer.from('scanning')
/** Upper limit for the characters of a server's error that are logged. */
const REASON_MAX = 200
/** Upper limit for the lines of a minute that are logged at once. */
const LINES_MAX = 4
/** Milliseconds for storing a verdict, for which no mail waits. */
const PUT_TIMEOUT = 5_000
/** Milliseconds after which a waiting host repeats its request, doubled each time. */
const POLLS = { first: 5, longest: 40 }

/** Milliseconds between two polls of the mark in the store. */
const MARK_POLLED_EVERY = 20_000
/** The number of polls after which a mark expires unless it is renewed. */
const MARK_LASTS_FOR_POLLS = 3
/** Milliseconds for an answer about marks, for which no mail waits. */
const MARK_TIMEOUT = 5_000
const OTHER_KEY =
  'hosts with another key use it, too: of the current hmac-sha256 keys in CLUSTERKEYS, the one whose id sorts first must be the same on all hosts'

/**
 * A store of verdicts shared by several hosts: Valkey or Redis, one server, servers with sentinels, or a
 * cluster. The first host that requests a message claims it with the same request, and scans it. Others wait for its
 * verdict until the claim expires. The values of the store are not trusted: see seal.ts.
 *
 * Its methods never throw. While the store is unreachable, slow or full, no message waits for it. It then
 * returns no verdict and stores none, so copies are scanned again on each host.
 */
export class SharedStore {
  readonly #options: SharedStoreOptions
  readonly #counters: SharingCounters = {
    asked: 0,
    known: 0,
    waited: 0,
    late: 0,
    errors: 0,
    published: 0,
  }
  readonly #troubles = new Map<string, string>()
  /** The claims of this process, and when they expire. */
  readonly #claims = new Map<string, number>()
  readonly #connection: StoreConnection
  readonly #markTimer: NodeJS.Timeout | undefined
  readonly #log: (line: string) => void
  #isClosed = false
  /** The time since which the mark of another key exists. */
  #otherMarkSince: number | undefined

  constructor(options: SharedStoreOptions) {
    this.#options = options
    const { mark, markEvery = MARK_POLLED_EVERY } = options
    this.#log = limitChanges((line) => {
      if (!this.#isClosed) options.log(line)
    }, LINES_MAX)
    this.#connection = connectLastingly(options, FIRST_QUESTION, (reason) =>
      this.#report('connection', reason),
    )
    if (mark === undefined) return
    const compare = () => this.#compareMarks(mark(), MARK_LASTS_FOR_POLLS * markEvery)
    this.#markTimer = setInterval(() => void compare().catch(() => {}), markEvery).unref()
  }

  /**
   * Resolves to the stored bytes, which are not trusted, or undefined if there are none, and this host must
   * scan the message. If another host is scanning it, waits for its verdict, at most `timeout` milliseconds.
   */
  get(fingerprint: string, timeout = 0): Promise<Buffer | undefined> | undefined {
    const key = keyOf(fingerprint)
    return this.#connection.isReadyFor(key) ? this.#ask(key, timeout) : undefined
  }

  /** Stores a verdict for at most `seconds`. No message waits until it is stored. */
  put(fingerprint: string, sealed: Buffer, seconds: number): void {
    const key = keyOf(fingerprint)
    this.#claims.delete(key)
    if (this.#connection.isReadyFor(key)) void this.#publish(key, sealed, seconds)
  }

  /** Notifies other hosts that the scan after a `get` without result found no verdict: they need not wait. */
  release(fingerprint: string): void {
    const key = keyOf(fingerprint)
    const until = this.#claims.get(key)
    this.#claims.delete(key)
    // If the claim has expired, the value there may be another host's.
    const isOver = until === undefined || this.#options.uptime() >= until
    if (isOver || !this.#connection.isReadyFor(key)) return
    const ending = ['SET', key, CLAIM, 'XX', 'PX', '1']
    this.#connection.ask(key, [ending], PUT_TIMEOUT).catch(() => {})
  }

  sharing(): Sharing {
    return {
      counters: this.#counters,
      trouble: this.#troubles.values().next().value,
    }
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#markTimer)
    this.#connection.close()
  }

  async #ask(key: string, timeout: number): Promise<Buffer | undefined> {
    const { uptime } = this.#options
    this.#counters.asked++
    const until = uptime() + Math.min(timeout, CLAIMED_FOR)
    for (let waits = 0; this.#connection.isReadyFor(key); waits++) {
      const answer = await this.#claimOrGet(key).catch(() => undefined)
      if (answer?.isOurs) {
        this.#claims.set(key, uptime() + CLAIMED_FOR)
        return undefined
      }
      // A message that waits for another host's verdict repeats the request if an answer is delayed.
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

  /** Resolves to the value, and whether this host has just claimed it, or undefined without an answer. */
  async #claimOrGet(key: string) {
    // A store that accepts no writes accepts no claims.
    const claiming = ['SET', key, CLAIM, 'NX', 'PX', String(CLAIMED_FOR)]
    const claims = this.#troubles.has('put') ? [] : [claiming]
    const questions = [...claims, questionFor(key)]
    const replies = await this.#connection.ask(key, questions, this.#options.timeout)
    if (replies === TIMED_OUT) {
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
    this.#report('get', undefined)
    return { isOurs: claim === 'OK', value }
  }

  /** Offers a verdict to the store. */
  async #publish(key: string, sealed: Buffer, seconds: number): Promise<void> {
    const words = ['SET', key, sealed, 'PX', String(1000 * seconds)]
    const answer = await this.#connection.ask(key, [words], PUT_TIMEOUT).catch(() => undefined)
    if (answer === undefined || answer === TIMED_OUT) return // the connection reports the reason
    const [reply] = answer
    if (reply instanceof RespError) this.#erred('put', reply)
    if (reply !== 'OK') return
    this.#counters.published++
    this.#report('put', undefined)
  }

  /** Counts an error, and logs it unless it is about one key only. */
  #erred(command: 'get' | 'put', error: RespError): void {
    this.#counters.errors++
    if (error.message.startsWith('READONLY ')) this.#connection.renew()
    if (!isAboutOneKey(error)) this.#report(command, error.message)
  }

  /**
   * Stores the mark of this host's key (secrets.ts), renews it, and detects the mark of another key: hosts
   * with different keys share nothing. A mark that is not renewed expires after `lifetime` milliseconds. If
   * another mark stays for longer, another host uses that key now.
   */
  async #compareMarks(own: Buffer, lifetime: number): Promise<void> {
    const connection = this.#connection
    if (!connection.isReadyFor(MARK_KEY)) return
    const { uptime } = this.#options
    const lasting = ['PX', String(lifetime)]
    const replies = await connection.ask(
      MARK_KEY,
      [['SET', MARK_KEY, own, 'NX', ...lasting], questionFor(MARK_KEY)],
      MARK_TIMEOUT,
    )
    const found = replies === TIMED_OUT ? undefined : replies[1]
    if (!Buffer.isBuffer(found) || found.length === 0) return // queries for verdicts log the trouble
    if (found.equals(own)) {
      this.#otherMarkSince = undefined
      this.#report('mark', undefined)
      await connection.ask(MARK_KEY, [['SET', MARK_KEY, own, ...lasting]], MARK_TIMEOUT)
      return
    }
    this.#otherMarkSince ??= uptime()
    if (uptime() - this.#otherMarkSince > lifetime) this.#report('mark', OTHER_KEY)
  }

  /**
   * Logs a fault once, until another one occurs, and the end of all faults. A store that fails and answers in turns,
   * or with another error each time, is logged a few times a minute.
   */
  #report(where: string, reason: string | undefined): void {
    const { address } = this.#options
    const troubles = this.#troubles
    if (reason === undefined) {
      const wasTroubled = troubles.delete(where)
      if (wasTroubled && troubles.size === 0) this.#log(`VERDICTS ${address.text}: answers again`)
      return
    }
    const shown = reason.slice(0, REASON_MAX)
    const isKnown = [...troubles.values()].includes(shown)
    troubles.set(where, shown)
    if (!isKnown) this.#log(`VERDICTS ${address.text}: ${shown}; messages are scanned meanwhile`)
  }
}

interface StoreProbe {
  /** Milliseconds that an answer took. */
  readonly time: number
  /** Whether the store has the mark of a key other than this host's. */
  readonly hasOtherKey: boolean
}

/**
 * Writes a value to a store and reads it back, once and within the given milliseconds. `own` is the mark of
 * this host's key. Rejects with a reason in one line if a server cannot be reached, or does not keep the
 * value.
 */
export async function tryStore(
  access: StoreAccess,
  timeout: number,
  own?: Buffer,
): Promise<StoreProbe> {
  const over = new AbortController()
  try {
    return await answerInTime(tryUntil(over.signal, access, own), timeout)
  } finally {
    over.abort()
  }
}

async function tryUntil(
  signal: AbortSignal,
  access: StoreAccess,
  own: Buffer | undefined,
): Promise<StoreProbe> {
  const ask = await connectOnce(access, FIRST_QUESTION, signal)
  await ask(CHECK_KEY, ['SET', CHECK_KEY, 'check', 'EX', '1'])
  const asked = readUptime()
  const answer = await ask(CHECK_KEY, questionFor(CHECK_KEY))
  if (String(answer) !== 'check') throw new Error('it does not store values')
  const time = readUptime() - asked
  const found = own && (await ask(MARK_KEY, questionFor(MARK_KEY)))
  const isThere = Buffer.isBuffer(found) && found.length > 0
  return { time, hasOtherKey: isThere && !found.equals(own!) }
}

/** The prefix of the names of verdicts in the store. The fingerprint follows. */
const KEY_PREFIX = 'onescan:verdict:1:'

/** The name of the value that `onescan check` stores for a second. */
const CHECK_KEY = `${KEY_PREFIX}check`

/** The name of the mark of the hosts' key (secrets.ts). */
const MARK_KEY = `${KEY_PREFIX}mark`

/** The first request on each connection: a user without the right for it can share nothing. */
const FIRST_QUESTION: RespCommand = ['GETRANGE', CHECK_KEY, '0', '0']

/** The name of the verdict on a message. */
function keyOf(fingerprint: string): string {
  return `${KEY_PREFIX}${fingerprint}`
}

/** The query for a value, of which no more is read than a verdict can have. */
function questionFor(key: string): RespCommand {
  return ['GETRANGE', key, '0', String(SEALED_MAX)]
}
