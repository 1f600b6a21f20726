import { setTimeout as delay } from 'node:timers/promises'
import { cachedFor } from '../../../../base/flow/cache.ts'
import { responds } from '../../../../base/path/responds.ts'
import { ServerWire } from '../../../../base/protocol/connection/server-wire.ts'
import type { ForwardedCommand } from '../contract/scanner.ts'
import type { ClamdAddress } from './clamd-address.ts'
import { loadConnect } from './connect.ts'
import { ClamdReplyReader } from './read-reply.ts'
import { askClamd } from './session-pool.ts'

/** Milliseconds for which an answer to VERSIONCOMMANDS is reused. */
const AGAIN_AFTER = 5_000
/** Milliseconds between the end of a reload and the next one. */
const RELOADS_APART = 10_000
/** Milliseconds for the answer. */
const ANSWER_TIMEOUT = 5_000
/** Upper limit, in milliseconds, for the time in which a clamd that loads its signatures answers nothing. */
const RELOAD_MAX = 300_000

/** Forwards commands to servers, each for many clients at once. */
export class ForwardedCommands {
  readonly #answers: Readonly<Record<ForwardedCommand, () => Promise<string | undefined>>>

  /** `reloadsApart` is RELOADS_APART unless a test sets it. */
  constructor(
    addresses: readonly ClamdAddress[],
    uptime: () => number,
    reloadsApart = RELOADS_APART,
  ) {
    const joined = (command: ForwardedCommand) => {
      const requests = new JoinedRequests(() => askAll(addresses, command), {
        ended: () => areLoaded(addresses),
        apart: reloadsApart,
      })
      return () => requests.answer()
    }
    this.#answers = {
      RELOAD: joined('RELOAD'),
      SELFCHECK: joined('SELFCHECK'),
      VERSIONCOMMANDS: cachedFor(AGAIN_AFTER, uptime, () => askAll(addresses, 'VERSIONCOMMANDS')),
    }
  }

  /** Resolves to the reply of the first server that answers, or undefined if none does. */
  answerTo(command: ForwardedCommand): Promise<string | undefined> {
    return this.#answers[command]()
  }
}

/**
 * Requests for the same command, which is sent at most once in a while. A request that comes too early for another one
 * gets the last answer, and the command is sent once more afterwards for all of these: what was there before a request
 * is noticed after it, as by clamd.
 */
class JoinedRequests {
  readonly #send: () => Promise<string | undefined>
  readonly #ended: () => Promise<void>
  readonly #apart: number
  /** The last answer, while the command may not be sent again. */
  #last: Promise<string | undefined> | undefined
  #mustRepeat = false

  /** `ended` resolves when what the command has begun has ended; `apart` milliseconds after that the next may begin. */
  constructor(
    send: () => Promise<string | undefined>,
    { ended, apart }: { readonly ended: () => Promise<void>; readonly apart: number },
  ) {
    this.#send = send
    this.#ended = ended
    this.#apart = apart
  }

  /** Resolves to the answer, or to undefined if there is none: then the command is sent for the next request. */
  answer(): Promise<string | undefined> {
    if (this.#last === undefined) return this.#begin()
    this.#mustRepeat = true
    return this.#last
  }

  #begin(isRepeated = false): Promise<string | undefined> {
    const answer = this.#send()
    this.#last = answer
    void answer.then((reply) => this.#endAfter(reply !== undefined, isRepeated))
    return answer
  }

  /** Sends the command again, if it was requested meanwhile. A repeated one was answered before, so it must be sent. */
  async #endAfter(isSent: boolean, isRepeated: boolean): Promise<void> {
    if (isSent || isRepeated) {
      await this.#ended()
      await delay(this.#apart, undefined, { ref: false })
    }
    const isDue = isSent ? this.#mustRepeat : isRepeated
    this.#last = undefined
    this.#mustRepeat = false
    if (isDue) void this.#begin(true)
  }
}

async function askAll(addresses: readonly ClamdAddress[], command: ForwardedCommand) {
  const answers = addresses.map((address) => ask(address, command).catch(() => undefined))
  return (await Promise.all(answers)).find((answer) => answer !== undefined)
}

/**
 * Resolves when servers that have accepted a reload answer again. With `ConcurrentDatabaseReload no` they answer nothing
 * until they have loaded their signatures; otherwise nothing shows when they have.
 */
async function areLoaded(addresses: readonly ClamdAddress[]): Promise<void> {
  const signal = AbortSignal.timeout(RELOAD_MAX)
  await Promise.allSettled(addresses.map((address) => askClamd(address, 'PING', signal)))
}

/** Sends a command on its own connection, because sessions (IDSESSION) accept no RELOAD. */
async function ask(address: ClamdAddress, command: ForwardedCommand): Promise<string> {
  const connect = await loadConnect(address)
  if (address.kind === 'unix' && !(await responds(address.path))) throw new Error('no answer')
  const replies = new ClamdReplyReader()
  const wire = new ServerWire(connect(address), {
    push: (chunk) => replies.push(chunk),
    explain: (error) => error ?? new Error('closed the connection without a reply'),
  })
  try {
    const reply = await wire.during(AbortSignal.timeout(ANSWER_TIMEOUT), async () => {
      await wire.connected()
      await wire.send(Buffer.from(`z${command}\0`))
      return wire.read(() => replies.whole())
    })
    return reply.toString('latin1').replace(/\0.*$/s, '')
  } finally {
    wire.end(new Error('the answer is there'))
  }
}
