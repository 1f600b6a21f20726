import { decodeFrame, encodeSettled, FRAME_MAX } from '../plugin-host/frame.ts'
import type { ScannerAnswer } from '../shared/scanner.ts'

/** One reply of a plugin's process. */
export type HostReply =
  | { readonly kind: 'answer'; readonly answer: ScannerAnswer }
  /** The process is ready for the next message. */
  | { readonly kind: 'settled' }
  /** Bytes that are not due: from now on nothing from this process is believed. */
  | { readonly kind: 'nonsense'; readonly why: string }

export interface HostReplyReader {
  /** Notes that a request with this nonce is being made. */
  expect(nonce: string): void
  /** Takes the next bytes, in any split. Returns the replies that end in them. */
  push(chunk: Buffer): readonly HostReply[]
  /** Whether a part of a reply has come. */
  readonly amidst: boolean
}

export const NONSENSE = 'wrote something other than an answer to descriptor 3'
const TOO_MUCH = `wrote more than ${FRAME_MAX} bytes to descriptor 3`
const LF = 0x0a

/**
 * Reads what a plugin's process writes to descriptor 3: for each request one answer with its nonce
 * and then, perhaps, the line that it has settled. Nothing else is allowed.
 */
export function createHostReplyReader(): HostReplyReader {
  let due: 'answer' | 'settled' | 'nothing' = 'nothing'
  let nonce = ''
  let rest: Buffer = Buffer.alloc(0)

  function replyIn(line: Buffer): HostReply {
    if (due === 'answer') {
      const answer = decodeFrame(nonce, line)
      due = 'settled'
      if (answer !== undefined) return { kind: 'answer', answer }
    } else if (due === 'settled' && line.equals(encodeSettled(nonce))) {
      due = 'nothing'
      return { kind: 'settled' }
    }
    return { kind: 'nonsense', why: NONSENSE }
  }

  /** Whether the bytes so far cannot be the beginning of the reply that is due. */
  function isUndue(): boolean {
    if (due === 'answer' || rest.length === 0) return false
    const wanted = due === 'settled' ? encodeSettled(nonce) : Buffer.alloc(0)
    return !wanted.subarray(0, rest.length).equals(rest)
  }

  return {
    expect(next) {
      due = 'answer'
      nonce = next
    },
    push(chunk) {
      rest = Buffer.concat([rest, chunk])
      const replies: HostReply[] = []
      for (let end = rest.indexOf(LF); end >= 0; end = rest.indexOf(LF)) {
        replies.push(replyIn(rest.subarray(0, end + 1)))
        rest = rest.subarray(end + 1)
      }
      if (rest.length > FRAME_MAX) replies.push({ kind: 'nonsense', why: TOO_MUCH })
      else if (isUndue()) replies.push({ kind: 'nonsense', why: NONSENSE })
      return replies
    },
    get amidst() {
      return rest.length > 0
    },
  }
}
