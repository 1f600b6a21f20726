import type { Envelope } from '../message/envelope/envelope.ts'
import type { Origin } from '../message/envelope/origin.ts'
import type { Header } from '../message/header-block.ts'
import type { Message } from '../message/message.ts'
import { TOP_LINE } from '../message/top-line.ts'
import type { Sample } from './shared/scanner.ts'

/**
 * Makes the sample that scanners get of a message: TOP_LINE, the header block, the body. `leaving` is
 * the header block as it will leave, so that scanners see what will be queued.
 */
export function sampleOf(
  message: Message,
  leaving: Header,
  envelope: Envelope,
  origin?: Origin,
): Sample {
  const top = Buffer.concat([TOP_LINE, leaving.bytes])
  const size = top.length + message.size - message.header.length
  const sealed = message.sealedFile?.(top)
  return {
    size,
    ...(sealed !== undefined && { sealedFile: () => sealed }),
    envelope,
    origin,
    *chunks(from = 0, to = size) {
      if (from < top.length) yield top.subarray(from, to)
      if (to > top.length) yield* message.body(Math.max(0, from - top.length), to - top.length)
    },
    path: () => message.path(top),
  }
}
