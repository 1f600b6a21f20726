import type { Envelope } from '../envelope/envelope.ts'
import type { Origin } from '../envelope/origin.ts'
import type { Header } from '../message/header-block.ts'
import type { Message } from '../message/spool.ts'
import { TOP_LINE } from '../message/top-line.ts'
import type { Specimen } from './shared/scanner.ts'

/**
 * What scanners get of a message: TOP_LINE, the header block as it will leave, the body.
 * `leaving` is that block: what is scanned is what will be queued, and nothing is taken
 * out of it afterwards.
 */
export function specimenOf(
  message: Message,
  leaving: Header,
  envelope: Envelope,
  origin?: Origin,
): Specimen {
  const top = Buffer.concat([TOP_LINE, leaving.bytes])
  return {
    size: top.length + message.size - message.header.length,
    envelope,
    origin,
    pathIsShared: message.pathIsShared,
    isFile: message.isFileWith(top),
    *chunks() {
      yield top
      yield* message.body()
    },
    path: () => message.path(top),
  }
}
