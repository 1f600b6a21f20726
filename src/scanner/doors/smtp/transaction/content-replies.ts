import { deferralOf, type RawReply } from '../../../protocol/smtp/smtp-replies.ts'
import { CLOSING } from '../../../scan/replies/own-replies.ts'
import { receivesNothing } from '../../../serving/wire.ts'

interface AnsweredClient {
  /** Aborted when it has left. */
  readonly gone: AbortSignal
  send(...replies: readonly RawReply[]): void
}

/** The reply to a recipient, and the code that the client is sent in fact, if it is sent one. */
export interface SentReply {
  readonly reply: RawReply
  readonly sent: number | 'unsent'
}

/**
 * The replies to the content of one message: one, or with LMTP one for each recipient, in the order of RCPT
 * (RFC 2033 4.2).
 *
 * With LMTP each reply is sent as soon as it and all before it are settled. When the last one is settled, the
 * session sends those that are left. One of several is never 421: after it a client may read no further (RFC
 * 5321 3.8). A client that has left receives no reply.
 */
export class ContentReplies {
  readonly #replies: (RawReply | undefined)[]
  readonly #client: AnsweredClient
  #settled = 0
  #sentCount = 0

  constructor(count: number, client: AnsweredClient) {
    this.#replies = new Array<undefined>(count).fill(undefined)
    this.#client = client
  }

  /** The replies that are settled, in their order. */
  get settled(): readonly RawReply[] {
    return this.#replies.filter((reply) => reply !== undefined)
  }

  /** The settled replies that were not sent. */
  get unsent(): readonly RawReply[] {
    return this.settled.slice(this.#sentCount)
  }

  /** The settled replies, with the code that the client receives for each if the rest is sent now. */
  sent(): readonly SentReply[] {
    const { gone } = this.#client
    return this.settled.map((reply, index) => {
      if (!gone.aborted || this.isSent(index)) return { reply, sent: reply.code }
      return { reply, sent: receivesNothing(gone) ? 'unsent' : CLOSING }
    })
  }

  isSent(index: number): boolean {
    return index < this.#sentCount
  }

  /** Answers one recipient, if that was not done before. */
  answer(index: number, reply: RawReply): void {
    this.#settle(index, reply)
    if (this.#settled === this.#replies.length || this.#client.gone.aborted) return
    for (let next = this.#replies[this.#sentCount]; next; next = this.#replies[++this.#sentCount]) {
      this.#client.send(next)
    }
  }

  /** Answers all who have no reply yet. */
  answerRest(reply: RawReply): void {
    for (const index of this.#replies.keys()) this.#settle(index, reply)
  }

  #settle(index: number, reply: RawReply): void {
    if (this.#replies[index] !== undefined) return
    const isOneOfMany = this.#replies.length > 1
    this.#replies[index] = isOneOfMany && reply.code === CLOSING ? deferralOf(reply) : reply
    this.#settled++
  }
}
