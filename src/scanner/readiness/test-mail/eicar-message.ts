import { Bytes } from '../../../mail/message/bytes.ts'
import { EICAR } from '../../scan/scanners/eicar/eicar.ts'
import { zipOf } from './test-files.ts'

/** The header of test mail, without the fields about its content. */
export const TEST_HEADER = `From: onescan check <postmaster@localhost>
To: postmaster@localhost
Subject: onescan check
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <check@onescan.invalid>
MIME-Version: 1.0
`

/** A part with a text, or what follows TEST_HEADER in a mail with a text. */
export const textPart = (text: string): string => `Content-Type: text/plain\n\n${text}`

/** A part with the EICAR test file by this name. */
export const eicarPart = (
  name: string,
): string => `Content-Type: application/octet-stream; name=${name}
Content-Disposition: attachment; filename=${name}
Content-Transfer-Encoding: base64

${base64Lines(Buffer.from(EICAR)).join('\n')}`

/** A multipart: what follows TEST_HEADER in a mail with these parts. */
export function multipart(parts: readonly string[], boundary = 'part'): string {
  const content = parts.map((part) => `--${boundary}\n${part}\n`).join('')
  return `Content-Type: multipart/mixed; boundary=${boundary}\n\n${content}--${boundary}--\n`
}

/** The base64 of a file, in the lines of RFC 2045 6.8. */
export const base64Lines = (file: Buffer): string[] =>
  file.toString('base64').match(/.{1,76}/g) ?? []

/**
 * A message in which no scanner finds anything, as long as ordinary mail: a site may refuse what is smaller.
 */
export const cleanMessage: Buffer = Buffer.from(
  `${TEST_HEADER}${textPart('Nothing here.\n'.repeat(1200))}`,
)

const LETTER = textPart('The attachment is the harmless test file of eicar.org.')

/** The EICAR test file as an attachment, which each scanner of mail must find. */
export const eicarMessage: Buffer = Buffer.from(
  `${TEST_HEADER}${multipart([LETTER, eicarPart('eicar.com')])}`,
)

/** The EICAR test file in a zip archive, compressed, so that only who opens it finds it. */
export const eicarZip: Buffer = zipOf(Buffer.from('eicar.com'), Buffer.from(EICAR))

const LINE = 'A line of a test message, to make it as long as real messages are.\n'
const FILLER = Buffer.from(LINE.repeat(1000))

/** eicarMessage, followed by a long text: about `size` bytes in all. */
export function largeEicarMessage(size: number): Bytes {
  const left = Math.max(0, size - eicarMessage.length - 64)
  const filled = `${TEST_HEADER}${multipart([LETTER, eicarPart('eicar.com'), textPart('{filler}')])}`
  const [before = '', after = ''] = filled.split('{filler}')
  return Bytes.of(
    Buffer.from(before),
    ...Array<Buffer>(Math.floor(left / FILLER.length)).fill(FILLER),
    FILLER.subarray(0, left % FILLER.length),
    Buffer.from(after),
  )
}

/** Bytes of the clean message of a self-test, if a message may be that large: doors keep such a message in a file. */
const LARGE_MESSAGE = 256 * 1024

/**
 * Returns a message that scanners must find clean, and one in which they must find a virus, between these
 * sizes in bytes. They differ by `number`, because a message with a cached verdict would not be scanned.
 */
export function makeTestMail(
  number: number,
  { least, most }: { readonly least: number; readonly most: number },
): { readonly clean: Buffer; readonly eicar: Buffer } {
  const text = `${TEST_HEADER}${textPart(`Nothing here at ${number}.\n`)}`
  const clean = text + linesOf(Math.min(LARGE_MESSAGE, most) - text.length)
  // A name that no site bans.
  const withEicar = (content: string) =>
    `${TEST_HEADER}${multipart([textPart(content), eicarPart('eicar.txt')])}`
  const letter = `At ${number}.`
  const eicar = withEicar(`${letter}\n${linesOf(least - withEicar(letter).length)}`.trimEnd())
  return { clean: Buffer.from(clean), eicar: Buffer.from(eicar) }
}

/** Returns at most `bytes` bytes of text, in lines. */
function linesOf(bytes: number): string {
  return LINE.repeat(Math.max(0, Math.floor(bytes / LINE.length)))
}
