import { base64, quotedPrintable, uuencode } from '../../scanner/scan/scanners/evasions/compose.ts'

/** A message as something that can be changed before it becomes bytes; text is latin1, lines end in LF. */
export interface Part {
  /** Without their line ends; a folded one holds LF. */
  fields: string[]
  /** What is between fields and body. */
  gap: string
  body: Leaf | Multipart | Attached
}

export interface Leaf {
  kind: 'leaf'
  content: string
  /** The file that the mail carries. */
  isFile?: true
  /** As it is in the mail, its last line end included. */
  encoded: string
}

export interface Multipart {
  kind: 'multipart'
  preamble: string
  children: Part[]
  /** For each child, without line end. */
  delimiters: string[]
  close: string
  epilogue: string
}

export interface Attached {
  kind: 'attached'
  message: Part
}

export interface Mail {
  root: Part
  /** Changes of the whole text, in their order. */
  afterwards: ((text: string) => string)[]
}

const TOP = [
  'From: sender@example.org',
  'To: recipient@example.net',
  'Subject: report',
  'MIME-Version: 1.0',
]
const FIRST =
  'Received: from sender.example.org by mx.example.net; Mon, 1 Jun 2026 10:00:00 +0000\n'

export function render(mail: Mail): Buffer {
  const text = mail.afterwards.reduce((now, change) => change(now), renderPart(mail.root))
  return Buffer.from(FIRST + text, 'latin1')
}

function renderPart({ fields, gap, body }: Part): string {
  return fields.map((field) => `${field}\n`).join('') + gap + renderBody(body)
}

function renderBody(body: Part['body']): string {
  if (body.kind === 'leaf') return body.encoded
  if (body.kind === 'attached') return renderPart(body.message)
  const parts = body.children.map((child, at) => {
    const text = renderPart(child)
    return `${body.delimiters[at]}\n${text.endsWith('\n') ? text : `${text}\n`}`
  })
  return `${body.preamble}${parts.join('')}${body.close}\n${body.epilogue}`
}

/** All parts of it, the outermost first. */
export function partsOf(part: Part): Part[] {
  if (part.body.kind === 'multipart') return [part, ...part.body.children.flatMap(partsOf)]
  if (part.body.kind === 'attached') return [part, ...partsOf(part.body.message)]
  return [part]
}

export function textPart(subtype = 'plain'): Part {
  const content = subtype === 'html' ? '<p>see the attachment</p>\n' : 'see the attachment\n'
  return {
    fields: [`Content-Type: text/${subtype}; charset=utf-8`, 'Content-Transfer-Encoding: 7bit'],
    gap: '\n',
    body: { kind: 'leaf', content, encoded: content },
  }
}

export function filePart(content: string, encoding: Encoding): Part {
  return {
    fields: [
      'Content-Type: application/octet-stream; name="report.com"',
      ...(encoding === 'uuencode' ? [] : [`Content-Transfer-Encoding: ${encoding}`]),
      'Content-Disposition: attachment; filename="report.com"',
    ],
    gap: '\n',
    body: { kind: 'leaf', isFile: true, content, encoded: encode(content, encoding) },
  }
}

export type Encoding = 'base64' | 'quoted-printable' | 'uuencode' | '8bit'

let boundaries = 0

export function multipart(subtype: string, children: Part[], name?: string): Part {
  const boundary = name ?? `=_${['part', 'mix', 'alt', 'rel'][boundaries++ % 4]}_${boundaries}.x`
  return {
    fields: [`Content-Type: multipart/${subtype}; boundary="${boundary}"`],
    gap: '\n',
    body: {
      kind: 'multipart',
      preamble: '',
      children,
      delimiters: children.map(() => `--${boundary}`),
      close: `--${boundary}--`,
      epilogue: '',
    },
  }
}

export function attached(message: Part): Part {
  return {
    fields: ['Content-Type: message/rfc822', 'Content-Disposition: attachment'],
    gap: '\n',
    body: { kind: 'attached', message },
  }
}

/** The part with the fields of a message on top. */
export function asMail(part: Part): Part {
  return { ...part, fields: [...TOP, ...part.fields] }
}

/** The same boundaries for the same seed. */
export function resetBoundaries(): void {
  boundaries = 0
}

/** In lines, each with its end. */
export function encode(content: string, encoding: Encoding): string {
  if (encoding === '8bit') return content
  const bytes = Buffer.from(content, 'latin1')
  if (encoding === 'base64') return `${base64(bytes)}\n`
  if (encoding === 'uuencode') return `${uuencode(bytes, 'begin 644 report.com')}\n`
  return `${quotedPrintable(bytes)}\n`
}
