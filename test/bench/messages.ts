import { EICAR } from '../../src/scan/shared/eicar-file.ts'

const BOUNDARY = '=_bench'

/** Characters of a base64 line with its line end. */
const LINE = 77

/**
 * A message of exactly `size` bytes (1,000 at least) as mail of that size looks:
 * text up to some kilobytes, beyond that a text part and an attachment in base64.
 * The same bytes for the same arguments.
 */
export function makeMessage(size: number, options: { readonly infected: boolean }): Buffer {
  const text = `Hello,\n\nas agreed.\n${options.infected ? `${EICAR}\n` : ''}\n`
  return size < 8192 ? plain(size, text) : withAttachment(size, text)
}

function plain(size: number, text: string): Buffer {
  const head = `${header}Content-Type: text/plain; charset=us-ascii\n\n${text}`
  return Buffer.from(`${head}${prose(size - head.length)}`, 'latin1')
}

function withAttachment(size: number, text: string): Buffer {
  const head =
    `${header}Content-Type: multipart/mixed; boundary="${BOUNDARY}"\n\n` +
    `--${BOUNDARY}\nContent-Type: text/plain; charset=us-ascii\n\n${text}`
  const middle =
    `--${BOUNDARY}\nContent-Type: application/octet-stream; name="data.bin"\n` +
    'Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="data.bin"\n\n'
  const tail = `--${BOUNDARY}--\n`
  const free = size - head.length - middle.length - tail.length
  const lines = Math.floor(free / LINE) - 1 // what is left over is prose, of a line at least
  const parts = [head, prose(free - lines * LINE), middle, base64(lines), tail]
  return Buffer.from(parts.join(''), 'latin1')
}

const header = [
  'Received: from mail.example.net (HELO mail.example.net) (192.0.2.1)\n',
  '  by mx.example.org with SMTP; 20 Nov 2026 08:00:00 -0000\n',
  'Message-ID: <20261120080000.1234.bench@example.net>\n',
  'Date: Fri, 20 Nov 2026 08:00:00 +0000\n',
  'From: Sender <sender@example.net>\n',
  'To: Postmaster <postmaster@example.org>\n',
  'Subject: The figures that you asked for\n',
  'MIME-Version: 1.0\n',
].join('')

/** `length` bytes, at least one, in lines of 72 at most. */
function prose(length: number): string {
  const line = 'The quick brown fox jumps over the lazy dog, and back again for tea.\n'
  const text = line.repeat(Math.ceil(length / line.length)).slice(0, length - 1)
  return `${text}\n`
}

/** Lines of bytes that no compressor and no scanner makes anything of (xorshift32). */
function base64(lines: number): string {
  const bytes = Buffer.alloc(lines * 57)
  let state = 0x9e3779b9
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes.writeInt32LE(state | 0, at)
  }
  return bytes.toString('base64').replace(/.{76}/g, '$&\n')
}
