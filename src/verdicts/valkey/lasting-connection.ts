import { errorText } from '../../ground/errors/fault.ts'
import { doubledPause } from '../../ground/flow/back-off.ts'
import { inTime, LATE, withDeadline } from '../../ground/flow/deadline.ts'
import {
  openConnection,
  type RespCommand,
  type StoreLogin,
  type ValkeyConnection,
  type ValkeyEndpoint,
} from './connection.ts'
import { RespError, type RespValue } from './resp-reader.ts'

/** Milliseconds for all steps until a server has answered the first question. */
export const ENTERED_WITHIN = 1_500
/** Questions in a row without an answer in time, after which a connection is left. */
export const MISSES_MAX = 3
/** Milliseconds before the next attempt, doubled with each attempt that fails. */
export const FIRST_PAUSE = 200
/** The longest pause if nobody answered or the connection broke: that may be over at any time. */
export const LONGEST_PAUSE = 500
/** The longest pause if the server refused: that lasts until somebody mends it. */
export const LONGEST_REFUSED = 10_000
/** The longest pause if the server lets this process in and then answers no question in time. */
export const LONGEST_SILENT = 30_000

/** A connection to one server, which is made anew whenever it ends. */
export interface LastingConnection {
  /** Whether it can be asked: the server has let this process in, and answers. */
  readonly isReady: boolean
  /**
   * Resolves to the replies to commands, of which each may be an error; or to LATE if they do not come
   * within so many milliseconds. Rejects if the connection ends before that.
   */
  ask(commands: readonly RespCommand[], within: number): Promise<readonly RespValue[] | typeof LATE>
  /**
   * Looks the server up anew, and connects to the one that it finds: the present one is not the right one
   * any more.
   */
  renew(): void
  close(): void
}

export interface LastingConnectionOptions {
  /** Finds the server; called before each attempt. */
  readonly endpoint: (signal: AbortSignal) => Promise<ValkeyEndpoint>
  readonly login: StoreLogin
  /** Called when the connection can be asked. */
  readonly ready: () => void
  /** Called with the reason in one line when it cannot be asked; with undefined when that is over. */
  readonly trouble: (why: string | undefined) => void
}

/**
 * Keeps a connection to one server. Finding the server, connecting and its first answer take
 * ENTERED_WITHIN at most. The connection is left after MISSES_MAX questions in a row without an answer in
 * time, each asked after the one before was given up: nothing says that a connection leads nowhere. The
 * next connection is used when the server has answered on it.
 */
export function keepConnection({
  endpoint,
  login,
  ready,
  trouble: tell,
}: LastingConnectionOptions): LastingConnection {
  const over = new AbortController()
  let connection: ValkeyConnection | undefined
  /** Attempts that failed in a row. */
  let failures = 0
  /** Connections in a row that were left since no question was answered in time. */
  let silences = 0
  let misses = 0
  let questions = 0
  /** The number of the last question that was asked when the last miss was noticed. */
  let knownAt = 0
  let timer: NodeJS.Timeout | undefined
  let isSilent = false

  /** A silent server is silent at every step: that is logged once. */
  function trouble(why: string | undefined, isSilence = false): void {
    if (!isSilence || !isSilent) tell(why)
    isSilent = isSilence
  }

  async function attempt(): Promise<void> {
    let signal: AbortSignal | undefined
    try {
      const opened = await withDeadline(ENTERED_WITHIN, over.signal, async (sooner) => {
        signal = sooner
        return openConnection(await endpoint(sooner), login, sooner)
      })
      begin(opened)
    } catch (error) {
      if (over.signal.aborted) return
      const isRefused = error instanceof RespError
      if (signal?.aborted) trouble(`no answer in ${ENTERED_WITHIN} ms`, true)
      else trouble(errorText(error))
      again(failures++, isRefused ? LONGEST_REFUSED : LONGEST_PAUSE)
    }
  }

  function begin(opened: ValkeyConnection): void {
    if (over.signal.aborted) {
      opened.end()
      return
    }
    connection = opened
    failures = 0
    misses = 0
    void opened.ended.then((why) => {
      if (connection === opened) left(why, LONGEST_PAUSE, 0)
    })
    // A server that lets us in and then says nothing is not well before it has answered in time.
    if (silences === 0) trouble(undefined)
    ready()
  }

  function left(why: string, longest: number, doublings: number): void {
    const former = connection
    connection = undefined
    former?.end()
    trouble(why, longest === LONGEST_SILENT)
    again(doublings, longest)
  }

  function again(pausesBefore: number, longest: number): void {
    if (over.signal.aborted) return
    clearTimeout(timer)
    timer = setTimeout(attempt, doubledPause(pausesBefore, { first: FIRST_PAUSE, longest }))
  }

  function missed(question: number, within: number): void {
    // Questions from before the last miss tell nothing new.
    if (question <= knownAt) return
    knownAt = questions
    misses += within < ENTERED_WITHIN ? 1 : MISSES_MAX
    if (misses >= MISSES_MAX) left(`no answer in ${within} ms`, LONGEST_SILENT, silences++)
  }

  void attempt()
  return {
    get isReady() {
      return connection !== undefined
    },
    async ask(commands, within) {
      const asked = connection
      if (asked === undefined) throw new Error('is not connected')
      const question = ++questions
      const replies = await inTime(asked.ask(...commands), within)
      if (asked !== connection) return replies
      if (replies === LATE) missed(question, within)
      else {
        misses = 0
        if (silences > 0) trouble(undefined)
        silences = 0
      }
      return replies
    },
    renew() {
      if (connection !== undefined) left('is not the primary any more', LONGEST_PAUSE, 0)
    },
    close() {
      over.abort()
      clearTimeout(timer)
      const former = connection
      connection = undefined
      former?.end()
    },
  }
}
