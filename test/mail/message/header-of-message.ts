import { findHeaderEnd, headerOf } from '../../../src/mail/message/header-block.ts'

/** The header of a message whose bytes are all there. */
export function headerOfMessage(message: Buffer): ReturnType<typeof headerOf> {
  const found = findHeaderEnd(message)
  return headerOf('end' in found ? message.subarray(0, found.end) : message)
}
