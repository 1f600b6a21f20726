import { Fault } from '../../base/errors/fault.ts'
import { addressBytes, type MailAddress, readAddress } from '../../base/text/address.ts'

/** Bytes of the longest address, as in qmail-queue.c (`ADDR 1003` with its NUL). One more is exit 11. */
export const ADDRESS_MAX = 1002

/**
 * Upper limit, in bytes, for an envelope, which is kept in memory: enough for a million recipients. qmail
 * itself has no limit. One byte more is exit 51.
 */
export const ENVELOPE_MAX = 64 * 1024 * 1024

const F = 0x46
const T = 0x54

/** The sender and the recipients, unchanged. */
export class Envelope {
  /** `F` sender NUL, (`T` recipient NUL)…, NUL, as qmail-queue(8) reads it. */
  readonly wire: Buffer
  /** The sender, empty for a bounce. */
  readonly sender: MailAddress
  readonly recipientCount: number

  constructor(wire: Buffer, recipientCount: number) {
    this.wire = wire
    this.sender = readAddress(wire.subarray(1, wire.indexOf(0)))
    this.recipientCount = recipientCount
  }

  /** The recipients in order. Each is created on demand: there may be a million. */
  get recipients(): Iterable<MailAddress> {
    return recipientsIn(this.wire)
  }
}

function* recipientsIn(wire: Buffer): Generator<MailAddress> {
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
  const reader = new EnvelopeReader()
  reader.push(Buffer.concat(parts))
  return reader.finish()
}

/**
 * Reads an envelope from any split of its bytes (qmail-queue(8)).
 * Faults: `envelope` for a wrong letter, `address-too-long` past ADDRESS_MAX,
 * `out-of-memory` past ENVELOPE_MAX.
 */
export class EnvelopeReader {
  readonly #kept: Buffer[] = []
  #letter = F // the letter that the next address must begin with
  #isInAddress = false
  #length = 0 // bytes of the address so far
  #count = 0
  #size = 0
  #isDone = false

  /** Takes the next bytes, in any split. Returns true after the last NUL. Bytes after it are ignored. */
  push(chunk: Buffer): boolean {
    let at = 0
    while (!this.#isDone && at < chunk.length) {
      if (this.#isInAddress) at = this.#readAddress(chunk, at)
      else this.#readLetter(chunk[at++]!)
    }
    this.#size += at
    if (this.#size > ENVELOPE_MAX) {
      throw new Fault('out-of-memory', `envelope: is larger than ${ENVELOPE_MAX} bytes`)
    }
    this.#kept.push(Buffer.from(chunk.subarray(0, at)))
    return this.#isDone
  }

  /** Returns the envelope. Throws a Fault of kind `read` if the last NUL is missing: the client gave up. */
  finish(): Envelope {
    if (!this.#isDone) {
      throw new Fault('read', 'envelope: ended before its last NUL; the client disconnected')
    }
    return new Envelope(Buffer.concat(this.#kept), this.#count)
  }

  /** Reads the letter in front of an address, or the last NUL. */
  #readLetter(byte: number): void {
    if (byte === 0 && this.#letter === T) {
      this.#isDone = true
    } else if (byte === this.#letter) {
      this.#isInAddress = true
      this.#length = 0
    } else {
      const wanted = this.#letter === F ? "'F'" : "'T' or the last NUL"
      throw new Fault('envelope', `envelope: expected ${wanted}, got byte ${byte}`)
    }
  }

  /** Reads the address up to its NUL, if that has arrived. Returns the offset at which it stopped. */
  #readAddress(chunk: Buffer, at: number): number {
    const nul = chunk.indexOf(0, at)
    const end = nul < 0 ? chunk.length : nul
    this.#length += end - at
    if (this.#length > ADDRESS_MAX) {
      const what = this.#letter === F ? 'sender' : `recipient ${this.#count + 1}`
      throw new Fault('address-too-long', `envelope: ${what} is longer than ${ADDRESS_MAX} bytes`)
    }
    if (nul < 0) return end
    this.#isInAddress = false
    if (this.#letter === T) this.#count++
    this.#letter = T
    return end + 1
  }
}

/** The doors by which messages come, by their names in the log. */
export const INTERFACES = ['qmail', 'milter', 'smtp', 'clamd'] as const

/** The origin of a message, as reported by the SMTP server, its client and DNS. Texts are latin1. */
export interface Origin {
  readonly interface: (typeof INTERFACES)[number]
  /** The IP address of the SMTP client, or undefined if there is none. */
  readonly clientAddress?: string | undefined
  /** The name of the client by DNS. */
  readonly clientName?: string | undefined
  /** The name that the client gave in HELO or EHLO. */
  readonly helo?: string | undefined
  /** The name by which the client authenticated. */
  readonly login?: string | undefined
  /** The MTA's own name for the message. */
  readonly queueId?: string | undefined
}

/** Reads the name of a client as a server reports it: "unknown", or an address in brackets, is not a name. */
export function clientNameOf(name: string | undefined): string | undefined {
  if (!name || name === 'unknown' || name.startsWith('[')) return undefined
  return name
}
