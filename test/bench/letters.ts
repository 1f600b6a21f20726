import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { EICAR } from '../../src/scan/eicar/eicar-file.ts'
import { hmacValue } from '../cluster/independent.ts'

/** A form in which mail comes, and how many messages of it make a turn. */
export interface Form {
  readonly name: string
  readonly make: () => string
  readonly oneAtATime: number
  readonly eightAtATime: number
}

const KB = 1024
const MB = 1024 * KB

/** Mail as it comes. Every call makes another message, so that no server has seen its bytes. */
export const FORMS: readonly Form[] = [
  { name: '4 KB text', make: () => makeText(4 * KB), oneAtATime: 40, eightAtATime: 160 },
  { name: '13 KB alternative', make: makeAlternative, oneAtATime: 40, eightAtATime: 160 },
  { name: '100 KB file', make: () => makeFile(100 * KB), oneAtATime: 20, eightAtATime: 64 },
  { name: '5 MB file', make: () => makeFile(5 * MB), oneAtATime: 4, eightAtATime: 16 },
  { name: '100 KB forward', make: () => makeForward(100 * KB), oneAtATime: 20, eightAtATime: 64 },
  { name: '5 MB forward', make: () => makeForward(5 * MB), oneAtATime: 4, eightAtATime: 16 },
]

/** `trusted` mail bears a stamp of the host's own cluster. */
export type Kind = 'clean' | 'infected' | 'trusted'

export const KINDS: readonly Kind[] = ['clean', 'infected', 'trusted']

/** The key of the cluster. */
export const key = { id: 'bench', secret: Buffer.alloc(32, 7) }

/** A text of 4 KB of that kind. */
export function makeLetter(kind: Kind): string {
  if (kind === 'infected') return makeText(4 * KB, EICAR)
  const text = makeText(4 * KB)
  if (kind === 'clean') return text
  const claims = { id: key.id, time: Math.floor(Date.now() / 1000), scanners: 'clamd,everypart' }
  const value = hmacValue(Buffer.from(text, 'latin1'), key.secret, claims)
  return `X-SHA256-Cluster-1: ${value}\n${text}`
}

/** Plain text of some `size` bytes with this line in it. */
export function makeText(size: number, line = 'as agreed.'): string {
  const head = `${header()}Content-Type: text/plain; charset=us-ascii\n\nHello,\n\n${line}\n\n`
  return `${head}${prose(size - head.length)}`
}

function makeAlternative(): string {
  const text = prose(5 * KB)
  const rows = text.split('\n').map((line) => `<tr><td style="color: #333">${line}</td></tr>`)
  return multipart('alternative', [
    `Content-Type: text/plain; charset=us-ascii\n\n${text}`,
    `Content-Type: text/html; charset=us-ascii\n\n<html><body><table>\n${rows.join('\n')}\n</table></body></html>\n`,
  ])
}

/** A text with a file that scanners unpack, some `size` bytes in all. */
export function makeFile(size: number): string {
  const file = gzipSync(randomBytes(Math.floor(((size - 3 * KB) * 57) / 77)), { level: 0 })
  const lines = file.toString('base64').replace(/.{76}/g, '$&\n')
  return multipart('mixed', [
    `Content-Type: text/plain; charset=us-ascii\n\n${prose(KB)}`,
    `Content-Type: application/gzip; name="figures.gz"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="figures.gz"\n\n${lines}\n`,
  ])
}

/** A mail with a mail attached, which has a file. */
export function makeForward(size: number): string {
  return multipart('mixed', [
    `Content-Type: text/plain; charset=us-ascii\n\n${prose(KB)}`,
    `Content-Type: message/rfc822\nContent-Disposition: attachment; filename="forwarded.eml"\n\n${makeFile(size - 2 * KB)}`,
  ])
}

function multipart(subtype: string, parts: readonly string[]): string {
  const boundary = `=_${word()}`
  const body = parts.map((part) => `--${boundary}\n${part}`).join('\n')
  return `${header()}Content-Type: multipart/${subtype}; boundary="${boundary}"\n\n${body}\n--${boundary}--\n`
}

const header = () =>
  [
    'Received: from mail.example.net (HELO mail.example.net) (192.0.2.1)\n',
    `  by mx.example.org with SMTP id ${word()}; 20 Nov 2026 08:00:00 -0000\n`,
    'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=mail;\n',
    `  h=from:to:subject:date; bh=${randomBytes(32).toString('base64')};\n`,
    `  b=${randomBytes(128).toString('base64').replace(/.{60}/g, '$&\n  ')}\n`,
    `Message-ID: <${word()}@example.net>\n`,
    'Date: Fri, 20 Nov 2026 08:00:00 +0000\n',
    'From: Sender <sender@example.net>\n',
    'To: Postmaster <postmaster@example.org>\n',
    `Subject: The figures that you asked for, ${word()}\n`,
    'MIME-Version: 1.0\n',
  ].join('')

const word = () => randomBytes(9).toString('hex')

const WORDS = 'the quick brown fox jumps over lazy dog and back again for tea while it rains'.split(
  ' ',
)

/** `length` bytes, one at least, of words in random order, in lines of some 72. */
function prose(length: number): string {
  let text = ''
  let column = 0
  for (const byte of randomBytes(length)) {
    if (text.length >= length) break
    const next = WORDS[byte % WORDS.length]!
    column += next.length + 1
    text += column > 66 ? `${next}\n` : `${next} `
    if (column > 66) column = 0
  }
  return `${text.slice(0, Math.max(1, length - 1)).trimEnd()}\n`
}
