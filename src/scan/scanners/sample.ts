import { Bytes } from '../../mail/message/bytes.ts'
import type { Envelope } from '../../mail/message/envelope/envelope.ts'
import type { Origin } from '../../mail/message/envelope/origin.ts'
import type { Header } from '../../mail/message/header-block.ts'
import type { Message } from '../../mail/message/message.ts'
import { TOP_LINE } from '../../mail/message/top-line.ts'
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
  const bytes = Bytes.of(Buffer.concat([TOP_LINE, leaving.bytes]), message.body)
  const { sealed, header } = message
  const isUnchanged = leaving === header || leaving.bytes.equals(header.bytes)
  return {
    bytes,
    ...(sealed !== undefined && isUnchanged && { sealedFile: () => sealed }),
    envelope,
    origin,
    path: () => message.path(bytes),
  }
}
