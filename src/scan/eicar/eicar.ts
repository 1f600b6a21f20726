import { decoderRoom } from '../../mime/decoders/base64.ts'
import { QuotedPrintableDecoder } from '../../mime/decoders/quoted-printable.ts'
import { type ContentScanner, clean, infected } from '../shared/scanner.ts'
import { EICAR } from './eicar-file.ts'

/** The name that clamd gives, too. */
const NAME = 'EICAR-Test'

/** Bytes that are searched at once: strings this short never outlive the youngest heap. */
const PIECE = 16 * 1024

/**
 * Plugin `eicar`, for trials without clamd. It finds the EICAR test string anywhere in a message: as it
 * is, in base64 with any line length, or in quoted-printable. It reads no MIME structure, so an
 * archive or another encoding hides the string from it; and it knows no other virus.
 */
export function eicarScanner(): ContentScanner {
  return {
    name: 'eicar',
    local: false,
    memorable: { identity: 'eicar', signatures: async () => '' },
    async scan(sample, { signal }) {
      const found = createEicarSearch()
      for (const chunk of sample.chunks()) {
        for (let at = 0; at < chunk.length; at += PIECE) {
          if (found(chunk.subarray(at, at + PIECE))) return infected(NAME)
        }
        // Without a turn of the event loop the deadline's timer would wait for the end of the message.
        await new Promise(setImmediate)
        signal.throwIfAborted()
      }
      return clean
    },
  }
}

/** Makes a function that takes a message in any split, in constant memory. It returns whether the test string has come. */
export function createEicarSearch(): (chunk: Buffer) => boolean {
  const plain = createTextSearch([EICAR])
  const base64 = createTextSearch(base64Forms(EICAR))
  const decoded = createTextSearch([EICAR])
  let isDecoded = false
  const escapes = new QuotedPrintableDecoder((bytes, length) => {
    isDecoded ||= decoded(bytes.toString('latin1', 0, length))
  }, decoderRoom())

  return (chunk) => {
    const text = chunk.toString('latin1')
    if (plain(text) || base64(text.replace(/[\r\n\t ]+/g, ''))) return true
    escapes.push(chunk, 0, chunk.length)
    return isDecoded
  }
}

/** Makes a function that searches for any of `patterns` in a text that comes in pieces. */
function createTextSearch(patterns: readonly string[]): (piece: string) => boolean {
  const overlap = Math.max(...patterns.map((pattern) => pattern.length)) - 1
  let tail = ''
  return (piece) => {
    const text = tail + piece
    tail = text.slice(-overlap)
    return patterns.some((pattern) => text.includes(pattern))
  }
}

/**
 * Returns the base64 forms of `text` after 0, 1 or 2 other bytes of a group of three. They hold only
 * the characters in which no neighbour has a bit, so at most 4 bits of `text` are missing at either
 * end.
 */
export function base64Forms(text: string): string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]).toString('base64')
    const first = Math.ceil((before * 8) / 6)
    const last = Math.floor(((before + text.length) * 8) / 6)
    return encoded.slice(first, last)
  })
}
