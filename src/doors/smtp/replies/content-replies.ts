import { deferralOf, type RawReply } from '../../../protocol/smtp/replies.ts'
import { hearsNothing } from '../../shared/wire.ts'
import { CLOSING } from './own-replies.ts'

/** The client as it is answered. */
interface AnsweredClient {
  /** Aborted when it has left. */
  readonly gone: AbortSignal
  say(...replies: readonly RawReply[]): void
}

/** The reply to a recipient, and the code that the client is sent in fact, if it is sent one. */
export interface SentReply {
  readonly reply: RawReply
  readonly sent: number | 'unheard'
}

/**
 * The replies to the content of one message: one, or by LMTP one for each recipient, in the order
 * of RCPT (RFC 2033 4.2). By LMTP each is said as soon as it and all before it are settled. When the
 * last one is settled, those that were not said are left for the session to say. One of several is
 * never 421: a client that hears it may read no further (RFC 5321 3.8). Nothing is said to a client
 * that has left.
 */
export class ContentReplies {
  readonly #replies: (RawReply | undefined)[]
  readonly #client: AnsweredClient
  #settled = 0
  #said = 0

  constructor(count: number, client: AnsweredClient) {
    this.#replies = new Array<undefined>(count).fill(undefined)
    this.#client = client
  }

  /** The replies that are settled, in their order. */
  get settled(): readonly RawReply[] {
    return this.#replies.filter((reply) => reply !== undefined)
  }

  /** The replies that are settled and were not said. */
  get unsaid(): readonly RawReply[] {
    return this.settled.slice(this.#said)
  }

  /** The settled replies, and what is sent of them if the rest is said now. */
  sent(): readonly SentReply[] {
    const { gone } = this.#client
    return this.settled.map((reply, index) => {
      if (!gone.aborted || this.isSaid(index)) return { reply, sent: reply.code }
      return { reply, sent: hearsNothing(gone) ? 'unheard' : CLOSING }
    })
  }

  /** Whether the reply at this index was said. */
  isSaid(index: number): boolean {
    return index < this.#said
  }

  /** Answers one recipient, if that was not done before. */
  answer(index: number, reply: RawReply): void {
    this.#keep(index, reply)
    if (this.#settled === this.#replies.length || this.#client.gone.aborted) return
    for (let next = this.#replies[this.#said]; next; next = this.#replies[++this.#said]) {
      this.#client.say(next)
    }
  }

  /** Answers all who have no reply yet. */
  answerRest(reply: RawReply): void {
    for (const index of this.#replies.keys()) this.#keep(index, reply)
  }

  #keep(index: number, reply: RawReply): void {
    if (this.#replies[index] !== undefined) return
    const isOneOfMany = this.#replies.length > 1
    this.#replies[index] = isOneOfMany && reply.code === CLOSING ? deferralOf(reply) : reply
    this.#settled++
  }
}
