import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import type { Bytes } from '../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import type { WorkOptions } from '../../../src/mail/mime/budget/work.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { delimited, base64 as lines } from '../../scanner/scan/scanners/evasions/compose.ts'

/** Nested mail, built from the innermost part outwards. A part is its header, empty line and content. */

const TOP = 'Received: by onescan, for scanners alone\nFrom: a@example.org\nMIME-Version: 1.0\n'
const FIELDS = 'From: a@example.org\nSubject: s\nMIME-Version: 1.0\n'

export const text = 'Content-Type: text/plain\n\nHello\n'

/** `content` base64-encoded, as a file that is attached. */
export function file(content: string, type = 'application/octet-stream'): string {
  return `Content-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${base64(content)}`
}

export const base64 = (content: string): string => `${lines(Buffer.from(content, 'latin1'))}\n`

let boundaries = 0

export function multipart(parts: readonly string[], subtype = 'mixed'): string {
  const boundary = `=_part_${++boundaries}`
  return multipartBy(
    `Content-Type: multipart/${subtype}; boundary="${boundary}"\n`,
    boundary,
    parts,
  )
}

/** The same under any header. */
export function multipartBy(header: string, boundary: string, parts: readonly string[]): string {
  return `${header}\n${delimited(parts, boundary)}`
}

/** An attached message with more fields on top of the part's. */
export function attached(part: string, type = 'message/rfc822'): string {
  return `Content-Type: ${type}\n\n${FIELDS}${part}`
}

/** A part behind a text, which is what most mail with a file is. */
export const inMultipart = (part: string): string => multipart([text, part])

/** A message that is attached behind a text, as programs forward mail. */
export const forwarded = (part: string): string => inMultipart(attached(part))

export function wrap(times: number, part: string, around: (part: string) => string): string {
  let wrapped = part
  for (let time = 0; time < times; time++) wrapped = around(wrapped)
  return wrapped
}

export const message = (part: string): Buffer => Buffer.from(`${TOP}${part}`, 'latin1')

/** Whether more than `limit` are in one another. Throws where there is more than is read. */
export function isNested(source: Bytes, limit: number, more?: Partial<WorkOptions>): boolean {
  const openFile = () => openAnonymousFile(tmpdir())
  const options = { openFile, createHash, maxDepth: limit, readsDepthAlone: true, ...more }
  for (const step of contentsOf(source, options)) {
    if (step.kind === 'deeper') return true
    if (step.kind === 'unread') throw new Error(step.reason)
  }
  return false
}
