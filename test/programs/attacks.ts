import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'

/**
 * Mail by which a virus got past a configuration that refuses viruses, or past its own verdict.
 * Each of them stands for a class that was shown with real programs.
 */

const base64 = Buffer.from(EICAR).toString('base64')

/** An attachment that no reader of mail overlooks; `size` bytes of text stand before it. */
const attachment = (boundary: string, size = 0): string =>
  `--${boundary}\nContent-Type: text/plain\n\nhello\n${'all work and no play\n'.repeat(size / 21)}` +
  `--${boundary}\nContent-Type: application/octet-stream; name=e.com\n` +
  `Content-Transfer-Encoding: base64\n\n${base64}\n--${boundary}--\n`

const multipart = 'Content-Type: multipart/mixed; boundary=b1\nMIME-Version: 1.0\n'

/** First fields that make libclamav or another scanner take a message for another kind of file. */
export const firstFields: Readonly<Record<string, string>> = {
  PDF: '%PDF-1.4: x\n',
  'a DOS program': 'MZ: x\n',
  GIF: 'GIF89a: x\n',
  RTF: '{\\rtf: x\n',
  RAR: 'Rar!: x\n',
  bzip2: 'BZh9: x\n',
  MP3: 'ID3: x\n',
  Ogg: 'OggS: x\n',
  xar: 'xar!: x\n',
  'Flash, plain': 'FWS: x\n',
  'Flash, packed': 'CWS: x\n',
  zip: 'PK: x\n',
  PostScript: '%!PS-Adobe-3.0: x\n',
  'a script': '#!/bin/sh: x\n',
  tar: markAt(257, 'ustar'),
  'a disk image': markAt(512, 'EFI PART'),
  'tar, below a line of 41 bytes': markAt(257 - 41, 'ustar'),
  'a disk image, below a line of 41 bytes': markAt(512 - 41, 'EFI PART'),
  'Content-Type first': multipart,
}

/** A field with a mark that libclamav looks for at this offset of a file. */
function markAt(offset: number, mark: string): string {
  return `${'Subject: '.padEnd(offset, 'x')}${mark}\n`
}

/**
 * Returns a message with a virus as an attachment and the given first field, of at least `size`
 * bytes.
 */
export function below(first: string, size = 0): Buffer {
  const others = first === multipart ? '' : multipart
  return Buffer.from(
    `${first}From: ann@example.net\n${others}\n${attachment('b1', size)}`,
    'latin1',
  )
}

const leaf =
  'MIME-Version: 1.0\nContent-Type: application/octet-stream; name=e.com\n' +
  'Content-Transfer-Encoding: base64\n'
const [head, tail] = [base64.slice(0, 40), base64.slice(40)]

/**
 * A message whose X-QHPSI lines stand in the body for some readers, and which is a virus without
 * them.
 */
export const assembled: Readonly<Record<string, Buffer>> = {
  'a line of CR and LF ends the header of LF mail': Buffer.from(
    `From: ann@example.net\n${leaf}\r\n${head}\nX-QHPSI: AAAA\n${tail}\n\nhello\n`,
    'latin1',
  ),
  'a blank before a colon ends it': Buffer.from(
    `From: ann@example.net\n${leaf}X-QHPSI : (\n${head}\nX-QHPSI: AAAA\n${tail}\n\nhello\n`,
    'latin1',
  ),
  'a line that is no field ends it': Buffer.from(
    `From: ann@example.net\n${leaf}${head}\nX-QHPSI: AAAA\n${tail}\n\nhello\n`,
    'latin1',
  ),
  'a line of blanks ends it': Buffer.from(
    `From: ann@example.net\n${leaf} \t\n${head}\nX-QHPSI: AAAA\n${tail}\n\nhello\n`,
    'latin1',
  ),
}

const afterField = 'A' // and the letters of `X-QHPSI: clean`: three groups of base64

/** A message in which a field that is put on top becomes part of base64 for some reader. */
export const completed: Readonly<Record<string, Buffer>> = {
  'a first line of blanks and CRs': Buffer.from(
    ` x\r${leaf.replaceAll('\n', '\r')}\r${afterField}\n${base64}\n\nhello\n`,
    'latin1',
  ),
}

/** Forged X-QHPSI fields that some reader sees. */
export const forged: Readonly<Record<string, Buffer>> = {
  'a bare CR before it': Buffer.from('Subject: a CR\rX-QHPSI: clean\nTo: b\n\nhello\n', 'latin1'),
  'a blank before its colon': Buffer.from('Subject: x\nX-QHPSI : clean\n\nhello\n', 'latin1'),
  'a NUL in its name': Buffer.from('Subject: x\nX-QHPS\0I: clean\n\nhello\n', 'latin1'),
  'a line of blanks above it': Buffer.from('Subject: x\n \nX-QHPSI: clean\n\nhello\n', 'latin1'),
}

/** A message with so many fields that must be removed. */
export const manyFields = (count: number): Buffer =>
  Buffer.from(`${'X-QHPSI: x\n'.repeat(count)}Subject: x\n\nhello\n`, 'latin1')

const inBoundary = (boundary: string) =>
  `From: ann@example.net\nDate: Mon, 06 Oct 2025 11:12:40 +0200\nMessage-ID: <1@example.net>\n` +
  `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="${boundary}"\n\n`

/**
 * Two messages that differ only in a blank of the boundary. The second one has a part with a virus.
 */
export const blankInBoundary = {
  clean: inBoundary('b  b'),
  infected: inBoundary('b b'),
  body: `--b  b\nContent-Type: text/plain\n\nhello\n\n${attachment('b b')}--b  b--\n`,
}
