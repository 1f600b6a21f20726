import { createQuotedPrintableReader } from '../shared/quoted-printable.ts'
import type { TransferEncoding } from './part-header.ts'

/** Decodes the content of a part that comes in pieces. */
export interface TransferDecoder {
  push(chunk: Buffer): Buffer
  /** What is wrong with the whole: it was cut, or something follows its end. */
  end(): { readonly cut: boolean; readonly trailing: boolean }
}

/** RFC 2045 6. `unknown` is left as it is. */
export function createTransferDecoder(encoding: TransferEncoding): TransferDecoder {
  if (encoding === 'base64') return createBase64Decoder()
  if (encoding === 'quoted-printable') {
    const read = createQuotedPrintableReader()
    return {
      push: (chunk) => Buffer.from(read(chunk.toString('latin1')), 'latin1'),
      end: () => sound,
    }
  }
  return { push: (chunk) => chunk, end: () => sound }
}

const sound = { cut: false, trailing: false }

function createBase64Decoder(): TransferDecoder {
  let group = '' // characters of a group of four that is not complete
  let padding = 0
  let trailing = false
  return {
    push(chunk) {
      let text = chunk.toString('latin1').replace(/[^A-Za-z0-9+/=]+/g, '')
      if (padding === 0) {
        const end = text.indexOf('=')
        const data = group + (end < 0 ? text : text.slice(0, end))
        text = end < 0 ? '' : text.slice(end)
        const whole = end < 0 ? data.length - (data.length % 4) : data.length
        group = end < 0 ? data.slice(whole) : data.slice(data.length - (data.length % 4))
        if (text === '') return Buffer.from(data.slice(0, whole), 'base64')
        padding = countPadding(text)
        trailing = text.length > padding
        return Buffer.from(data, 'base64')
      }
      const more = countPadding(text)
      padding += trailing ? 0 : more
      trailing ||= text.length > more
      return Buffer.alloc(0)
    },
    end: () => ({ cut: (group.length + padding) % 4 !== 0, trailing }),
  }
}

function countPadding(text: string): number {
  return /^=*/.exec(text)![0].length
}
