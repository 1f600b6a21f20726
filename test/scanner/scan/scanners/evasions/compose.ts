/** A message that carries a file which some reader opens. Text is latin1, lines end in LF. */
export interface Evasion {
  readonly name: string
  readonly text: () => string
  /** Set where other programs open it than those that the bench asks. */
  readonly openedBy?: string
}

/** Evasions by their names; `openedBy` as above, for all of them. */
export function named(
  texts: Readonly<Record<string, () => string>>,
  openedBy?: string,
): readonly Evasion[] {
  return Object.entries(texts).map(([name, text]) => ({
    name,
    text,
    ...(openedBy && { openedBy }),
  }))
}

/** The message, in the line ends that it travels in. */
export function messageOf({ text }: Evasion, ending: '\n' | '\r\n'): Buffer {
  const lines = text()
  return Buffer.from(ending === '\n' ? lines : lines.replaceAll('\n', '\r\n'), 'latin1')
}

const TOP = [
  'Received: from sender.example.org by mx.example.net; Mon, 1 Jun 2026 10:00:00 +0000',
  'From: sender@example.org',
  'To: recipient@example.net',
  'Subject: report',
  'MIME-Version: 1.0',
  '',
].join('\n')

/** A message of this content, which begins with its MIME fields. */
export function mail(content: string): string {
  return `${TOP}${content}`
}

/** Fields, an empty line, a body; without the line end that belongs to the delimiter behind it. */
export function part(fields: readonly string[], body: string): string {
  return `${fields.map((field) => `${field}\n`).join('')}\n${body}`
}

export interface MultipartOptions {
  readonly boundary?: string
  /** The Content-Type field, instead of the one that is made of type and boundary. */
  readonly field?: string
  readonly preamble?: string
  readonly epilogue?: string
}

export function multipart(
  subtype: string,
  parts: readonly string[],
  { boundary = 'b1', field, preamble = '', epilogue = '' }: MultipartOptions = {},
): string {
  const type = field ?? `Content-Type: multipart/${subtype}; boundary="${boundary}"`
  return `${type}\n\n${preamble}${delimited(parts, boundary)}${epilogue}`
}

export function delimited(parts: readonly string[], boundary = 'b1'): string {
  return `${parts.map((text) => `--${boundary}\n${text}\n`).join('')}--${boundary}--\n`
}

export const TEXT = part(['Content-Type: text/plain; charset=utf-8'], 'see the attachment')
export const HTML = part(['Content-Type: text/html; charset=utf-8'], '<p>see the attachment</p>')

export const ZIP_TYPE = 'Content-Type: application/zip; name="report.zip"'
export const FILE_TYPE = 'Content-Type: application/octet-stream; name="report.bin"'
export const BASE64 = 'Content-Transfer-Encoding: base64'
export const QUOTED = 'Content-Transfer-Encoding: quoted-printable'
export const UUENCODE = 'Content-Transfer-Encoding: x-uuencode'
export const ATTACHED = 'Content-Disposition: attachment; filename="report.zip"'

/** A part that libclamav does not look into, and all readers open. */
export const FORM_DATA = [
  'Content-Type: text/plain; name="report.zip"',
  'Content-Disposition: form-data; filename="report.zip"',
]

/** The usual part with a file in base64. */
export function filePart(file: Buffer, fields = [ZIP_TYPE, BASE64, ATTACHED]): string {
  return part(fields, base64(file))
}

/** A message with a text and this part. */
export function mixed(other: string, options?: MultipartOptions): string {
  return mail(multipart('mixed', [TEXT, other], options))
}

/** A message with these parts. */
export function inParts(...parts: readonly string[]): string {
  return mail(multipart('mixed', parts))
}

export const latin1 = (file: Buffer): string => file.toString('latin1')

/** A message with a text and a part of these fields. */
export function inPart(fields: readonly string[], body: string): string {
  return mixed(part(fields, body))
}

/** A message that is such a part. */
export function alone(fields: readonly string[], body: string): string {
  return mail(part(fields, body))
}

/** Lines of this many characters; the last one without its end. */
export function base64(file: Buffer, width = 76): string {
  return cut(file.toString('base64'), width)
}

/** Base64 that is known for base64 by its field alone: no line of it is nothing but that. */
export function marked(file: Buffer): string {
  return base64(file, 40).replace(/$/gm, ' *')
}

export function cut(text: string, width: number): string {
  return (text.match(new RegExp(`[^]{1,${width}}`, 'g')) ?? []).join('\n')
}

/** Each byte escaped, without a line end that counts. */
export function quotedPrintable(file: Buffer): string {
  const escapes = [...file].map((byte) => `=${hex(byte)}`)
  return cut(escapes.join(''), 72).replaceAll('\n', '=\n')
}

/** As editors and mail programs write text: lines stay lines. */
export function quotedPrintableText(file: Buffer): string {
  return file
    .toString('latin1')
    .split('\n')
    .map((line) => {
      const escaped = line.replace(/[=\r\x80-\xff]/g, (found) => `=${hex(found.charCodeAt(0))}`)
      return (escaped.match(/(?:=..|[^=]){1,70}/g) ?? []).join('=\n')
    })
    .join('\n')
}

export function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}

/** Lines of uuencode behind `begin`, with the last two. */
export function uulines(file: Buffer, zero = '`'): string[] {
  const lines: string[] = []
  const character = (value: number) => (value === 0 ? zero : String.fromCharCode(value + 32))
  for (let at = 0; at < file.length; at += 45) {
    const piece = file.subarray(at, at + 45)
    let line = character(piece.length)
    for (let i = 0; i < piece.length; i += 3) {
      const [a = 0, b = 0, c = 0] = piece.subarray(i, i + 3)
      const group = (a << 16) | (b << 8) | c
      for (const shift of [18, 12, 6, 0]) line += character((group >> shift) & 63)
    }
    lines.push(line)
  }
  return [...lines, zero, 'end']
}

export function uuencode(file: Buffer, begin = 'begin 644 report.zip'): string {
  return [begin, ...uulines(file)].join('\n')
}

/** Data in yEnc, in one line, between its own lines. */
export function yencode(bytes: Buffer): string {
  let line = ''
  for (const byte of bytes) {
    const value = (byte + 42) & 255
    const critical = value === 0 || value === 10 || value === 13 || value === 61
    line += critical ? `=${String.fromCharCode((value + 64) & 255)}` : String.fromCharCode(value)
  }
  return `=ybegin line=512 size=${bytes.length} name=report.zip\n${line}\n=yend size=${bytes.length}`
}
