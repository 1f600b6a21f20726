import { decodeFrame, encodeSettled, FRAME_MAX } from '../plugin-host/frame.ts'
import type { Verdict } from '../shared/scanner.ts'

/** What a plugin's process has said. */
export type HostReply =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** The next message may come. */
  | { readonly kind: 'settled' }
  /** Bytes that are not due: nothing that comes from there is believed any more. */
  | { readonly kind: 'nonsense'; readonly why: string }

export interface HostReplyReader {
  /** A request with this nonce is made. */
  expect(nonce: string): void
  /** Takes the next bytes, in any split; the replies that end in them. */
  push(chunk: Buffer): readonly HostReply[]
  /** Whether bytes have come that are no whole reply. */
  readonly amidst: boolean
}

export const NONSENSE = 'wrote something other than a verdict to descriptor 3'
const TOO_MUCH = `wrote more than ${FRAME_MAX} bytes to descriptor 3`
const LF = 0x0a

/**
 * Reads what a plugin's process says on descriptor 3: for each request one verdict with
 * its nonce and then, perhaps, that it has settled. There is no other order.
 */
export function createHostReplyReader(): HostReplyReader {
  let due: 'verdict' | 'settled' | 'nothing' = 'nothing'
  let nonce = ''
  let rest: Buffer = Buffer.alloc(0)

  function replyIn(line: Buffer): HostReply {
    if (due === 'verdict') {
      const verdict = decodeFrame(nonce, line)
      due = 'settled'
      if (verdict !== undefined) return { kind: 'verdict', verdict }
    } else if (due === 'settled' && line.equals(encodeSettled(nonce))) {
      due = 'nothing'
      return { kind: 'settled' }
    }
    return { kind: 'nonsense', why: NONSENSE }
  }

  /** What is no beginning of what is due need not be waited for. */
  function isUndue(): boolean {
    if (due === 'verdict' || rest.length === 0) return false
    const wanted = due === 'settled' ? encodeSettled(nonce) : Buffer.alloc(0)
    return !wanted.subarray(0, rest.length).equals(rest)
  }

  return {
    expect(next) {
      due = 'verdict'
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
