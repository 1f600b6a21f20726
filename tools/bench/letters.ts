import { randomBytes } from 'node:crypto'
import { crc32, deflateSync, gzipSync } from 'node:zlib'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { hmacValue } from '../../test/scanner/scan/stamps/independent.ts'
import { base64, PROGRAMS, type Program, word } from './letter-programs.ts'

/** A form in which mail comes, and how many messages of it make a turn. */
export interface Form {
  readonly name: string
  /** The message of that number in a turn: the programs that write mail take turns. */
  readonly make: (serial: number) => string
  readonly oneAtATime: number
  readonly eightAtATime: number
}

const KB = 1024
const MB = 1024 * KB

/** Mail as it comes. Every call makes another message, so that no server has seen its bytes. */
export const FORMS: readonly Form[] = [
  { name: '4 KB text', make: (n) => makeText(n, 4 * KB), oneAtATime: 40, eightAtATime: 160 },
  {
    name: '20 KB alternative',
    make: (n) => makeAlternative(n, 20 * KB),
    oneAtATime: 40,
    eightAtATime: 160,
  },
  { name: '100 KB file', make: (n) => makeFile(100 * KB, n), oneAtATime: 20, eightAtATime: 64 },
  { name: '5 MB file', make: (n) => makeFile(5 * MB, n), oneAtATime: 4, eightAtATime: 16 },
  {
    name: '100 KB forward',
    make: (n) => makeForward(n, 100 * KB),
    oneAtATime: 20,
    eightAtATime: 64,
  },
  { name: '5 MB forward', make: (n) => makeForward(n, 5 * MB), oneAtATime: 4, eightAtATime: 16 },
]

/** `trusted` mail bears a stamp of the host's own cluster. */
export type Kind = 'clean' | 'infected' | 'trusted'

export const KINDS: readonly Kind[] = ['clean', 'infected', 'trusted']

/** The key of the cluster. */
export const key = { id: 'bench', secret: Buffer.alloc(32, 7) }

/** A text of 4 KB of that kind. */
export function makeLetter(kind: Kind): string {
  if (kind === 'infected') return makeText(0, 4 * KB, EICAR)
  const text = makeText(0, 4 * KB)
  if (kind === 'clean') return text
  const claims = { id: key.id, time: Math.floor(Date.now() / 1000), scanners: 'clamd,everypart' }
  const value = hmacValue(Buffer.from(text, 'latin1'), key.secret, claims)
  return `X-SHA256-Cluster-1: ${value}\n${text}`
}

/** Plain text of some `size` bytes with this paragraph in it. */
export function makeText(serial: number, size: number, line = 'As agreed.'): string {
  const program = programOf(serial)
  return fitted(size, (length) => letter(program, program.text([line, ...prose(length)])))
}

/** A text and the same in HTML, some `size` bytes in all. */
export function makeAlternative(serial: number, size: number): string {
  const program = programOf(serial)
  return fitted(size, (length) => letter(program, alternative(program, prose(length))))
}

/** A text and HTML with a file that scanners unpack, some `size` bytes in all. */
function makeFile(size: number, serial: number): string {
  const name = `figures-${word().slice(0, 6)}.gz`
  const mail = (bytes: number) =>
    makeAttached(serial, name, gzipSync(randomBytes(bytes), { level: 0 }))
  return mail(Math.floor(((size - mail(0).length) * 57) / 77))
}

/** A text and HTML with this file. */
export function makeAttached(serial: number, name: string, file: Buffer): string {
  const program = programOf(serial)
  const text = alternative(program, prose(2 * KB))
  const shown = program.hasPicture ? multipart(program, 'related', [text, picture()]) : text
  const attached = `${program.file(name, file.length)}\n${base64(file)}`
  return letter(program, multipart(program, 'mixed', [shown, attached]))
}

/** A text and that many messages, as a mail program forwards them. */
export function makeBundle(serial: number, count: number): string {
  const program = programOf(serial)
  const forwards = Array.from(
    { length: count },
    (_, n) =>
      `${program.mail(`letter-${word().slice(0, 6)}.eml`)}\n${makeAlternative(serial + n, 6 * KB)}`,
  )
  const text = program.text(['As asked.', ...prose(200)])
  return letter(program, multipart(program, 'mixed', [text, ...forwards]))
}

/** A message with a message attached, which has a file. */
function makeForward(serial: number, size: number): string {
  const program = programOf(serial)
  const text = alternative(program, prose(KB))
  const mail = (attached: string) => {
    const forwarded = `${program.mail(`figures-${word().slice(0, 6)}.eml`)}\n${attached}`
    return letter(program, multipart(program, 'mixed', [text, forwarded]))
  }
  return mail(makeFile(size - mail('').length, serial + 1))
}

const programOf = (serial: number) => PROGRAMS[serial % PROGRAMS.length]!

/** A message of this content, which begins with its own fields. */
function letter(program: Program, content: string): string {
  const end = content.indexOf('\n\n') + 1
  const subject = `Zahlen f\xfcr das n\xe4chste Jahr, ${word().slice(0, 6)}`
  return program.header(subject, content.slice(0, end)) + content.slice(end)
}

const alternative = (program: Program, paragraphs: readonly string[]) =>
  multipart(program, 'alternative', [program.text(paragraphs), program.html(paragraphs)])

function multipart(program: Program, subtype: string, parts: readonly string[]): string {
  const boundary = program.boundary()
  const body = parts.map((part) => `--${boundary}\n${part}`).join('\n')
  return `Content-Type: multipart/${subtype};\n\tboundary="${boundary}"\n\n${body}\n--${boundary}--\n`
}

/** A small PNG of random pixels, in a part. */
function picture(): string {
  const side = 32
  const rows = Array.from({ length: side }, () =>
    Buffer.concat([Buffer.of(0), randomBytes(side * 3)]),
  )
  const chunk = (type: string, data: Buffer) => {
    const typed = Buffer.concat([Buffer.from(type), data])
    const ends = Buffer.alloc(8)
    ends.writeUInt32BE(data.length)
    ends.writeUInt32BE(crc32(typed), 4)
    return Buffer.concat([ends.subarray(0, 4), typed, ends.subarray(4)])
  }
  const file = Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', Buffer.from([0, 0, 0, side, 0, 0, 0, side, 8, 2, 0, 0, 0])),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ])
  return `Content-Type: image/png; name="image001.png"
Content-Description: image001.png
Content-Disposition: inline; filename="image001.png"; size=${file.length};
	creation-date="Fri, 20 Nov 2026 07:58:12 GMT";
	modification-date="Fri, 20 Nov 2026 07:58:12 GMT"
Content-ID: <image001.png@${word().slice(0, 8).toUpperCase()}.${word().slice(0, 8).toUpperCase()}>
Content-Transfer-Encoding: base64

${base64(file)}`
}

/** The mail that has some `size` bytes, if its bytes grow evenly with the length of its text. */
function fitted(size: number, make: (length: number) => string): string {
  const [one, two] = [make(KB).length, make(3 * KB).length]
  return make(Math.max(1, Math.round(KB + ((size - one) * 2 * KB) / (two - one))))
}

const WORDS = [
  'wir haben die Zahlen f\xfcr das n\xe4chste Jahr gepr\xfcft und schicken sie Ihnen',
  'heute mit der Bitte um R\xfcckmeldung bis Ende Woche the figures are what we agreed',
  'on at our last meeting so please let me know if anything is missing merci de nous',
  'r\xe9pondre d\xe8s que possible avant la r\xe9union',
].flatMap((line) => line.split(' '))

/** Paragraphs of words in random order, `length` characters in all. */
function prose(length: number): string[] {
  const paragraphs: string[] = []
  let left = length
  let paragraph = ''
  for (const byte of randomBytes(length)) {
    if (left <= 0) break
    const next = WORDS[byte % WORDS.length]!
    paragraph += paragraph === '' ? next : ` ${next}`
    left -= next.length + 1
    if (paragraph.length < 240 && left > 0) continue
    paragraphs.push(`${paragraph}.`)
    paragraph = ''
  }
  return paragraphs
}
