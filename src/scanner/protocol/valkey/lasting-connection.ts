import { errorText } from '../../../base/errors/fault.ts'
import { doubledPause } from '../../../base/flow/back-off.ts'
import { TIMED_OUT, withDeadline, withTimeout } from '../../../base/flow/timeout.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { connectToStore } from './connect-to-store.ts'
import { RespError, type RespValue } from './resp-reader.ts'
import type { SingleAddress, StoreAccess, StoreAddress } from './store-address.ts'
import type { RespCommand, ValkeyConnection } from './valkey-connection.ts'

/** Milliseconds for all steps until a server has answered the first query. */
const ENTRY_TIMEOUT = 1_500
/** Queries in a row without an answer in time, after which a connection is left. */
const MISSES_MAX = 3
/** Milliseconds before the next attempt, doubled with each attempt that fails. */
const FIRST_PAUSE = 200
/**
 * Milliseconds after which the end of an idle connection is not logged as an error: the server's `timeout` is a
 * second or more.
 */
const IDLE_AFTER = 500
/** The longest pause after no answer or a broken connection, which may be temporary. */
const LONGEST_PAUSE = 500
/** The longest pause if the server refused: that lasts until an administrator corrects it. */
const LONGEST_REFUSED = 10_000
/** The longest pause if the server lets this process in and then answers no query in time. */
const LONGEST_SILENT = 30_000

export interface LastingOptions<Address extends StoreAddress> extends StoreAccess<Address> {
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
}

/**
 * A connection to a store, which is opened again whenever it ends. Finding the server, connecting and its
 * first answer take at most ENTRY_TIMEOUT.
 *
 * The connection is closed after MISSES_MAX consecutive requests without an answer in time, each sent after
 * the previous one was abandoned: a dead connection shows no other sign. The next connection is used after
 * the server has answered on it. A server may end idle connections (`timeout` in valkey.conf), which is not a
 * fault.
 */
export class LastingConnection {
  readonly #server: LastingOptions<SingleAddress>
  readonly #question: RespCommand
  readonly #notify: (trouble: string | undefined) => void
  readonly #take: (reply: RespValue) => void
  readonly #closed = new AbortController()
  #connection: ValkeyConnection | undefined
  /** Attempts that failed in a row. */
  #failures = 0
  /** The number of consecutive connections that were closed because no query was answered in time. */
  #silences = 0
  /** The number of requests that were not answered in time, since the last answer. */
  #misses = 0
  #timer: NodeJS.Timeout | undefined
  #isSilent = false

  /**
   * `question` is the first request of each connection. `notify` is called with the reason in one line when the
   * server cannot be reached, and with undefined when it can be reached again. `take` receives the reply to each
   * first request.
   */
  constructor(
    server: LastingOptions<SingleAddress>,
    question: RespCommand,
    notify: (trouble: string | undefined) => void,
    take: (reply: RespValue) => void = () => {},
  ) {
    this.#server = server
    this.#question = question
    this.#notify = notify
    this.#take = take
    void this.#attempt()
  }

  /** Whether requests can be sent: the server has accepted this process, and answers. */
  get isReady(): boolean {
    return this.#connection !== undefined
  }

  /**
   * Resolves to the replies to commands, of which each may be an error, or to TIMED_OUT if they do not arrive
   * within the given milliseconds. Rejects if the connection ends before that.
   */
  async ask(
    commands: readonly RespCommand[],
    within: number,
  ): Promise<readonly RespValue[] | typeof TIMED_OUT> {
    const asked = this.#connection
    if (asked === undefined) throw new Error('is not connected')
    const misses = this.#misses
    const replies = await withTimeout(asked.ask(...commands), within)
    if (asked !== this.#connection) return replies
    if (replies === TIMED_OUT) {
      // If another miss was counted since this request was sent, this one is not counted.
      if (misses === this.#misses) this.#missed(within)
    } else {
      this.#misses = 0
      if (this.#silences > 0) this.#trouble(undefined)
      this.#silences = 0
    }
    return replies
  }

  /**
   * Looks the server up again, and connects to the server that is found. To be called if the present server is
   * no longer the right one.
   */
  renew(): void {
    if (this.#connection !== undefined) this.#left('is no longer the primary', LONGEST_PAUSE, 0)
  }

  close(): void {
    this.#closed.abort()
    clearTimeout(this.#timer)
    const former = this.#connection
    this.#connection = undefined
    former?.close()
  }

  async #attempt(): Promise<void> {
    let signal: AbortSignal | undefined
    try {
      const opened = await withDeadline(ENTRY_TIMEOUT, this.#closed.signal, async (sooner) => {
        signal = sooner
        return connectToStore(this.#server, this.#question, sooner)
      })
      this.#begin(opened.connection)
      this.#take(opened.reply)
    } catch (error) {
      if (this.#closed.signal.aborted) return
      const isRefused = error instanceof RespError
      if (signal?.aborted) this.#trouble(`no answer in ${formatDuration(ENTRY_TIMEOUT)}`, true)
      else this.#trouble(errorText(error))
      this.#again(this.#failures++, isRefused ? LONGEST_REFUSED : LONGEST_PAUSE)
    }
  }

  #begin(opened: ValkeyConnection): void {
    if (this.#closed.signal.aborted) {
      opened.close()
      return
    }
    this.#connection = opened
    this.#failures = 0
    this.#misses = 0
    const began = this.#server.uptime()
    void opened.ended().then(({ reason, wasIdle }) => {
      if (this.#connection !== opened) return
      if (!wasIdle || this.#server.uptime() - began < IDLE_AFTER)
        return this.#left(reason, LONGEST_PAUSE, 0)
      this.#connection = undefined
      void this.#attempt()
    })
    // A server that accepts the connection and then sends nothing works only after it has answered in time.
    if (this.#silences === 0) this.#trouble(undefined)
  }

  #left(reason: string, longest: number, doublings: number): void {
    const former = this.#connection
    this.#connection = undefined
    former?.close()
    this.#trouble(reason, longest === LONGEST_SILENT)
    this.#again(doublings, longest)
  }

  #again(pausesBefore: number, longest: number): void {
    if (this.#closed.signal.aborted) return
    clearTimeout(this.#timer)
    const pause = doubledPause(pausesBefore, { first: FIRST_PAUSE, longest })
    this.#timer = setTimeout(() => void this.#attempt(), pause)
  }

  #missed(within: number): void {
    this.#misses += within < ENTRY_TIMEOUT ? 1 : MISSES_MAX
    if (this.#misses < MISSES_MAX) return
    this.#left(`no answer in ${formatDuration(within)}`, LONGEST_SILENT, this.#silences++)
  }

  /** A silent server is silent at every step: that is logged once. */
  #trouble(reason: string | undefined, isSilence = false): void {
    if (!isSilence || !this.#isSilent) this.#notify(reason)
    this.#isSilent = isSilence
  }
}
