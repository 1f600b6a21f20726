import { decodeFrame, encodeSettled, FRAME_MAX } from '../plugin-host/frame.ts'
import type { ScannerAnswer } from '../shared/scanner.ts'

/** One reply of a plugin's process. */
export type HostReply =
  | { readonly kind: 'answer'; readonly answer: ScannerAnswer }
  /** The process is ready for the next message. */
  | { readonly kind: 'settled' }
  /** Bytes that are not due: from now on nothing from this process is believed. */
  | { readonly kind: 'nonsense'; readonly why: string }

export const NONSENSE = 'wrote something other than an answer to descriptor 3'
const TOO_MUCH = `wrote more than ${FRAME_MAX} bytes to descriptor 3`
const LF = 0x0a

/**
 * Reads what a plugin's process writes to descriptor 3: for each request one answer with its nonce
 * and then, perhaps, the line that it has settled. Nothing else is allowed.
 */
export class HostReplyReader {
  #due: 'answer' | 'settled' | 'nothing' = 'nothing'
  #nonce = ''
  #rest: Buffer = Buffer.alloc(0)

  /** Whether a part of a reply has come. */
  get amidst(): boolean {
    return this.#rest.length > 0
  }

  /** Notes that a request with this nonce is being made. */
  expect(nonce: string): void {
    this.#due = 'answer'
    this.#nonce = nonce
  }

  /** Takes the next bytes, in any split. Returns the replies that end in them. */
  push(chunk: Buffer): readonly HostReply[] {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const replies: HostReply[] = []
    for (let end = this.#rest.indexOf(LF); end >= 0; end = this.#rest.indexOf(LF)) {
      replies.push(this.#replyIn(this.#rest.subarray(0, end + 1)))
      this.#rest = this.#rest.subarray(end + 1)
    }
    if (this.#rest.length > FRAME_MAX) replies.push({ kind: 'nonsense', why: TOO_MUCH })
    else if (this.#isUndue()) replies.push({ kind: 'nonsense', why: NONSENSE })
    return replies
  }

  #replyIn(line: Buffer): HostReply {
    if (this.#due === 'answer') {
      const answer = decodeFrame(this.#nonce, line)
      this.#due = 'settled'
      if (answer !== undefined) return { kind: 'answer', answer }
    } else if (this.#due === 'settled' && line.equals(encodeSettled(this.#nonce))) {
      this.#due = 'nothing'
      return { kind: 'settled' }
    }
    return { kind: 'nonsense', why: NONSENSE }
  }

  /** Whether the bytes so far cannot be the beginning of the reply that is due. */
  #isUndue(): boolean {
    if (this.#due === 'answer' || this.#rest.length === 0) return false
    const wanted = this.#due === 'settled' ? encodeSettled(this.#nonce) : Buffer.alloc(0)
    return !wanted.subarray(0, this.#rest.length).equals(this.#rest)
  }
}
