import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { createRandom } from '../../test/run/random.ts'

/** What a message is, and so what must become of it. */
export type Kind = 'clean' | 'virus' | 'odd'

export interface Letter {
  readonly kind: Kind
  readonly message: Buffer
}

const KIB = 1024

/** Lines of text that bodies are cut out of. */
const pool = (() => {
  const line = 'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,;!?'
  const bytes = Buffer.alloc(2 * KIB * KIB)
  const { below } = createRandom(1)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = i % 72 === 71 ? 0x0a : line.charCodeAt(below(line.length))
  }
  return bytes
})()

/** A mark that no other message has is in each stretch of this length. */
const STRETCH = 48 * KIB

/**
 * The `serial`th of a run: no two are alike in any stretch. Sizes from 1 KiB to `most` bytes, as
 * many of each order of magnitude; one in eight holds the test virus somewhere, and one in
 * eight is mail that no stamp may cover.
 */
export function makeLetter(serial: number, most: number): Letter {
  const { below, fraction } = createRandom(serial)
  const kind: Kind = serial % 8 === 3 ? 'virus' : serial % 8 === 6 ? 'odd' : 'clean'
  const size = Math.floor(KIB * (most / KIB) ** fraction())
  const parts: Buffer[] = [header(serial)]
  for (let length = 0; length < size; ) {
    const wanted = Math.min(STRETCH, size - length)
    const from = below(pool.length - wanted)
    const part = Buffer.concat([
      Buffer.from(`\n${serial}.${length}\n`),
      pool.subarray(from, from + wanted),
    ])
    parts.push(part)
    length += part.length
  }
  const place = 1 + below(parts.length - 1)
  if (kind === 'virus') parts.splice(place + 1, 0, Buffer.from(`\n${EICAR}\n`))
  if (kind === 'odd') parts.splice(place + 1, 0, Buffer.from('\na\rb\n'))
  parts.push(Buffer.from('\n'))
  return { kind, message: Buffer.concat(parts) }
}

/** Every other one is a copy of one of so many newsletters, as it comes to another recipient. */
export function mixedLetters(campaigns: number): (serial: number, most: number) => Letter {
  return (serial, most) => {
    if (serial % 2 === 0) return makeLetter(serial, most)
    const { kind, message } = makeLetter(1_000_000 + ((serial >>> 1) % campaigns), most)
    const own =
      `Received: from host${serial}.example.org by mx.example.net; Fri, 20 Nov 2026 10:00:00 +0000\n` +
      `Delivered-To: ben${serial}@example.net\n`
    return { kind, message: Buffer.concat([Buffer.from(own), message]) }
  }
}

function header(serial: number): Buffer {
  const fields = [
    `From: ann${serial}@example.org`,
    'To: ben@example.org',
    `Subject: letter  ${serial}`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    `Message-ID: <${serial}@example.org>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain',
  ]
  return Buffer.from(`${fields.join('\n')}\n\n`)
}
