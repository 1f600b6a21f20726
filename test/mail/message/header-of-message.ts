import { findHeaderEnd, HEADER_MAX, Header } from '../../../src/mail/message/header-block.ts'

/** The header of a message whose bytes are all there. */
export function headerOfMessage(message: Buffer): Header {
  const found = findHeaderEnd(message)
  const end = 'end' in found ? found.end : message.length
  return new Header(message.subarray(0, Math.min(end, HEADER_MAX)))
}
