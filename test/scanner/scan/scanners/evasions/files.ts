import { createHash } from 'node:crypto'
import { crc32, deflateRawSync } from 'node:zlib'
import { EICAR } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'

/** The test file: readers show it, and a signature finds it wherever it stands. */
export const testFile = Buffer.from(EICAR, 'latin1')

/** An archive with the test file, deflated: to find it a scanner must know it for an archive. */
export const zip = zipOf('report.com', testFile)

/** Bytes that no signature knows but a digest of the whole file. No CR, no LF and no NUL among them. */
export const binaryFile = madeBytes(600)

/** Lines that no signature knows but a digest of the whole file. Its last line has an end. */
export const textFile = linesOf((n) => `line ${n} of a file that a digest knows\n`, 12)
/** The same in lines that end in CR LF. */
export const textFileCrlf = withCrlf(textFile)

/** The same kind of file, whose last line has no end. */
export const openTextFile = linesOf((n) => `a line ${n}, and no end behind the last one\n`, 9, true)
export const openTextFileCrlf = withCrlf(openTextFile)

const HTML_MARK = 'a mark in html across the cut'

/**
 * HTML that a signature for HTML knows, of what is in the middle of a long line: where
 * libclamav cuts lines of mail, behind 999 bytes. It does not look for digests of HTML.
 */
export const htmlFile = Buffer.from(
  `<html>\n<body>${'<b>long</b> '.repeat(82).slice(0, 980)}${HTML_MARK}</body>\n</html>\n`,
)
export const htmlFileCrlf = withCrlf(htmlFile)

export const pdfFile = Buffer.from(`%PDF-1.4\n%${'z1'.repeat(900)}\ntrailer\n%%EOF\n`)

/** Text that looks like base64 in each of its lines, and is none. */
export const base64AlikeFile = linesOf((n) => `${String(n).padStart(4, 'A').repeat(19)}\n`, 300)

/** Text in which lines look like delimiters and fields. */
export const trickyFile = Buffer.from(
  'one\n--b1x\ntwo\n--B1\n--in\n\nContent-Type: x/y\n\n\ncontent-a: b\n\nthree\n'.repeat(3),
)

/** Text with `=` in it that looks like escapes to some. */
export const equalsFile = Buffer.from('if (a ==41 || b ==3D) {\n  c = \n  "=4=41"\n}\n'.repeat(4))

/** Lines that end in a CR, some behind a `=`. */
export const equalsCrFile = Buffer.from(`${'a list:\r1=one\r2==\r3=\rfour\r'.repeat(9)}end`)

/** What PHP adds at the end of data is its last byte. */
export const onesFile = Buffer.concat([madeBytes(300), Buffer.from([0xff])])

/** A text in one line, in which the characters of base64 are one more than whole groups of four. */
export const oneLineFile = Buffer.from('all of this is in one line: no group ends it;'.repeat(9))

/** Its last byte is zero, and the only one of its group in base64. */
export const oneMoreByte = Buffer.concat([madeBytes(300), Buffer.alloc(1)])

/** UTF-8 with letters that many character sets have. */
export const umlautFile = linesOf((n) => `Zeile ${n} mit Grüßen an die Ähnlichen: ÄÖÜß é à ñ\n`, 9)

/** It begins with a `=` that is before a byte of eight bits. */
export const equalsBeforeFile = Buffer.concat([Buffer.from('=\xc3', 'latin1'), madeBytes(333)])

/** Less than what most scanners look at: 8 bytes. */
export const smallFile = Buffer.from('\x01\x02tiny\xfe\xff', 'latin1')

const lines = { textFile, openTextFile, htmlFile, pdfFile, base64AlikeFile, trickyFile, equalsFile }

/** Found by a digest of the whole, but for HTML. */
const known: Readonly<Record<string, Buffer>> = {
  ...{ binaryFile, umlautFile, equalsBeforeFile, equalsCrFile, onesFile, oneLineFile },
  ...{ oneMoreByte, smallFile },
  ...lines,
  ...Object.fromEntries(
    Object.entries(lines).map(([name, file]) => [`${name}Crlf`, withCrlf(file)]),
  ),
}

/** A database of clamd, by file names, beside the one that knows the test file. */
export const databaseOfEvasions: Readonly<Record<string, string>> = {
  'html.ndb': `htmlFile:3:*:${Buffer.from(HTML_MARK).toString('hex')}\n`,
  'digests.hdb': Object.entries(known)
    .map(([name, file]) => `${createHash('md5').update(file).digest('hex')}:${file.length}:${name}`)
    .join('\n')
    .concat('\n'),
}

/** The hidden files, by name: a reader that has opened one `has` these bytes in its hands, or exactly them (`is`). */
export const signs: readonly {
  readonly name: string
  readonly kind: 'is' | 'has'
  readonly bytes: Buffer
}[] = [
  { name: 'testFile', kind: 'has', bytes: testFile },
  { name: 'zip', kind: 'has', bytes: zip },
  ...Object.entries(known).map(([name, bytes]) => ({ name, kind: 'is', bytes }) as const),
]

/** The names of those that are in a content. */
export function signsIn(content: Buffer): string[] {
  return signs
    .filter(({ kind, bytes }) => (kind === 'is' ? content.equals(bytes) : content.includes(bytes)))
    .map(({ name }) => name)
}

/** A ZIP archive of one file (PKWARE APPNOTE 4.3). */
export function zipOf(name: string, content: Buffer): Buffer {
  const data = deflateRawSync(content)
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0) // version needed
  common.writeUInt16LE(8, 4) // deflated
  common.writeUInt16LE(0x5cc1, 8) // a day of 2026
  common.writeUInt32LE(crc32(content), 10)
  common.writeUInt32LE(data.length, 14)
  common.writeUInt32LE(content.length, 18)
  common.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data])
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
    common,
    Buffer.alloc(14), // no comment, first disk, no attributes, at offset 0
    Buffer.from(name),
  ])
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, central, end])
}

function madeBytes(length: number): Buffer {
  const bytes: number[] = []
  for (let n = 0; bytes.length < length; n++) {
    const digest = createHash('sha256').update(`file ${n}`).digest()
    bytes.push(...digest.filter((byte) => byte !== 0 && byte !== 10 && byte !== 13))
  }
  return Buffer.from(bytes.slice(0, length))
}

function linesOf(line: (n: number) => string, count: number, open = false): Buffer {
  const text = Array.from({ length: count }, (_, n) => line(n)).join('')
  return Buffer.from(open ? text.slice(0, -1) : text)
}

function withCrlf(file: Buffer): Buffer {
  return Buffer.from(file.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
}
