import { Fault } from '../../ground/errors/fault.ts'
import { addressBytes, type MailAddress, readAddress } from './address.ts'

/** Bytes of the longest address, as in qmail-queue.c (`ADDR 1003` with its NUL). One more is exit 11. */
export const ADDRESS_MAX = 1002

/**
 * Most bytes of an envelope, which is held in memory: enough for a million recipients. qmail itself has
 * no limit. One byte more is exit 51.
 */
export const ENVELOPE_MAX = 64 * 1024 * 1024

const F = 0x46
const T = 0x54

/** The sender and the recipients as they came. */
export interface Envelope {
  /** `F` sender NUL, (`T` recipient NUL)…, NUL, as qmail-queue(8) reads it. */
  readonly wire: Buffer
  /** The sender, empty for a bounce. */
  readonly sender: MailAddress
  readonly recipientCount: number
}

/** Lists the recipients in their order. Each is made when it is asked for: there may be a million. */
export function* recipientsOf(envelope: Envelope): Generator<MailAddress> {
  const { wire } = envelope
  let at = wire.indexOf(0) + 1
  while (wire[at] === T) {
    const end = wire.indexOf(0, at)
    yield readAddress(wire.subarray(at + 1, end))
    at = end + 1
  }
}

/** Makes an envelope with the same sender and other recipients. */
export function redirect(envelope: Envelope, recipients: readonly MailAddress[]): Envelope {
  return makeEnvelope(addressBytes(envelope.sender), recipients.map(addressBytes))
}

/** Makes an envelope of addresses. Throws a Fault if one has a NUL or is too long. */
export function makeEnvelope(sender: Buffer, recipients: readonly Buffer[]): Envelope {
  const parts = [Buffer.from('F'), sender]
  for (const recipient of recipients) parts.push(Buffer.from('\0T'), recipient)
  parts.push(Buffer.from('\0\0'))
  const reader = createEnvelopeReader()
  reader.push(Buffer.concat(parts))
  return reader.finish()
}

export interface EnvelopeReader {
  /** Takes the next bytes, in any split. Returns true once the last NUL was there; what follows is ignored. */
  push(chunk: Buffer): boolean
  /** Returns the envelope. Throws a Fault of kind `read` if the last NUL did not come: the client gave up. */
  finish(): Envelope
}

/**
 * Reads an envelope from any split of its bytes (qmail-queue(8)).
 * Faults: `envelope` for a wrong letter, `address-too-long` past ADDRESS_MAX,
 * `out-of-memory` past ENVELOPE_MAX.
 */
export function createEnvelopeReader(): EnvelopeReader {
  const kept: Buffer[] = []
  let letter = F // the letter that the next address must begin with
  let inAddress = false
  let length = 0 // bytes of the address so far
  let senderLength = 0
  let count = 0
  let size = 0
  let done = false

  return {
    push(chunk) {
      let at = 0
      while (!done && at < chunk.length) {
        if (!inAddress) {
          const byte = chunk[at++]!
          if (byte === 0 && letter === T) {
            done = true
          } else if (byte === letter) {
            inAddress = true
            length = 0
          } else {
            throw new Fault(
              'envelope',
              `envelope: byte ${byte} where ${letterName(letter)} must stand`,
            )
          }
          continue
        }
        const nul = chunk.indexOf(0, at)
        const end = nul < 0 ? chunk.length : nul
        length += end - at
        if (length > ADDRESS_MAX) {
          const what = letter === F ? 'sender' : `recipient ${count + 1}`
          throw new Fault(
            'address-too-long',
            `envelope: ${what} is longer than ${ADDRESS_MAX} bytes`,
          )
        }
        at = end
        if (nul >= 0) {
          at++
          inAddress = false
          if (letter === F) senderLength = length
          else count++
          letter = T
        }
      }
      size += at
      if (size > ENVELOPE_MAX) {
        throw new Fault('out-of-memory', `envelope: is larger than ${ENVELOPE_MAX} bytes`)
      }
      kept.push(Buffer.from(chunk.subarray(0, at)))
      return done
    },
    finish() {
      if (!done) throw new Fault('read', 'envelope: ended before its last NUL; the client gave up')
      const wire = Buffer.concat(kept)
      const sender = readAddress(wire.subarray(1, 1 + senderLength))
      return { wire, sender, recipientCount: count }
    },
  }
}

function letterName(letter: number): string {
  return letter === F ? "'F'" : "'T' or the last NUL"
}
