import {
  alone,
  BASE64,
  base64,
  type Evasion,
  FILE_TYPE,
  inPart,
  inParts,
  latin1,
  mail,
  mixed,
  multipart,
  named,
  part,
  QUOTED,
  quotedPrintable,
  quotedPrintableText,
  TEXT,
  UUENCODE,
  uuencode,
} from './compose.ts'
import {
  base64AlikeFile,
  binaryFile,
  htmlFile,
  htmlFileCrlf,
  openTextFile,
  openTextFileCrlf,
  pdfFile,
  smallFile,
  textFile,
  textFileCrlf,
} from './files.ts'

const encodings: Readonly<Record<string, (file: Buffer) => string>> = {
  '7bit': (file) => latin1(file),
  '8bit': (file) => latin1(file),
  binary: (file) => latin1(file),
  base64: (file) => base64(file),
  'quoted-printable': quotedPrintableText,
  'x-uuencode': (file) => uuencode(file),
}

const files: Readonly<Record<string, Buffer>> = {
  'whose last line has an end': textFile,
  'whose last line has no end': openTextFile,
}

/**
 * A file that only a digest of the whole knows: the line end before the delimiter is not its
 * own (RFC 2046 5.1.1).
 */
const inEachEncoding: Evasion[] = Object.entries(encodings).flatMap(([encoding, encode]) =>
  Object.entries(files).map(([which, file]) => ({
    name: `a text file known by its digest, in ${encoding}, ${which}`,
    text: () => inPart([FILE_TYPE, `Content-Transfer-Encoding: ${encoding}`], encode(file)),
  })),
)

const asMail: Evasion[] = Object.entries(encodings).flatMap(([encoding, encode]) =>
  Object.entries(files).map(([which, file]) => ({
    name: `the same as a mail of its own, in ${encoding}, ${which}`,
    text: () => alone([FILE_TYPE, `Content-Transfer-Encoding: ${encoding}`], encode(file)),
  })),
)

function asItStands(name: string, file: Buffer, fields: readonly string[]): Evasion {
  return { name, text: () => inPart(fields, latin1(file)) }
}

export const wholeFiles: readonly Evasion[] = [
  ...inEachEncoding,
  ...asMail,
  asItStands('HTML in 7bit with a line of over 999 bytes', htmlFile, [
    'Content-Type: text/html',
    'Content-Transfer-Encoding: 7bit',
  ]),
  asItStands('HTML with a line of over 999 bytes, attached', htmlFile, [
    'Content-Type: text/html; name=a.html',
    'Content-Transfer-Encoding: 8bit',
    'Content-Disposition: attachment; filename=a.html',
  ]),
  asItStands('PDF in 7bit with a line of over 999 bytes', pdfFile, [
    'Content-Type: application/pdf; name=a.pdf',
    'Content-Transfer-Encoding: 7bit',
    'Content-Disposition: attachment; filename=a.pdf',
  ]),
  asItStands('PDF without an encoding, with a line of over 999 bytes', pdfFile, [
    'Content-Type: application/pdf; name=a.pdf',
  ]),
  ...named({
    'HTML in quoted-printable, written on one line of over 999 bytes': () =>
      inPart(['Content-Type: text/html', QUOTED], latin1(htmlFile)),
    'HTML with a line of over 999 bytes as the whole mail': () =>
      alone(['Content-Type: text/html'], latin1(htmlFile)),
    'a binary file known by its digest, in base64': () =>
      inPart([FILE_TYPE, BASE64], base64(binaryFile)),
    'a binary file known by its digest, in quoted-printable': () =>
      inPart([FILE_TYPE, QUOTED], quotedPrintable(binaryFile)),
    'a binary file known by its digest, in quoted-printable with a soft break at its end': () =>
      inPart([FILE_TYPE, QUOTED], `${quotedPrintable(binaryFile)}=`),
    'a binary file known by its digest, as it stands': () =>
      inPart([FILE_TYPE, 'Content-Transfer-Encoding: binary'], latin1(binaryFile)),
    'a binary file known by its digest, in uuencode': () =>
      inPart([FILE_TYPE, UUENCODE], uuencode(binaryFile)),
    'a file of eight bytes known by its digest': () =>
      inPart([FILE_TYPE, BASE64], base64(smallFile)),
    'a file of eight bytes known by its digest, in uuencode': () =>
      inPart([FILE_TYPE, UUENCODE], uuencode(smallFile)),
    'a file with lines of CR LF known by its digest, in base64': () =>
      inPart([FILE_TYPE, BASE64], base64(textFileCrlf)),
    'a file with lines of CR LF known by its digest, its line ends escaped': () =>
      inPart([FILE_TYPE, QUOTED], latin1(openTextFileCrlf).replaceAll('\r\n', '=0D=0A=\n')),
    'a file with lines of CR LF known by its digest, its CRs alone escaped': () =>
      inPart(
        [FILE_TYPE, QUOTED],
        latin1(htmlFileCrlf).replaceAll('=', '=3D').replaceAll('\r', '=0D'),
      ),
    'a text known by its digest behind blanks at the ends of lines, which quoted-printable drops':
      () => inPart([FILE_TYPE, QUOTED], latin1(textFile).replaceAll('\n', ' \t\n')),
    'a text known by its digest as the only part': () =>
      inParts(part([FILE_TYPE], latin1(textFile))),
    'a text known by its digest in a part without fields': () => mixed(`\n${textFile}`),
    'a text known by its digest in a second text/plain without a name': () =>
      inPart(['Content-Type: text/plain'], latin1(textFile)),
    'a text known by its digest in a part with a Content-ID and no type': () =>
      mail(multipart('related', [part(['Content-ID: <1@x>'], latin1(textFile))])),
    'a text in quoted-printable known by its digest, in a mail whose lines end in bare CRs': () =>
      alone([FILE_TYPE, QUOTED], quotedPrintable(textFile)).replace(/(?<=\nFrom[\s\S]*)\n/g, '\r'),
    'a text known by its digest in an attached message': () =>
      inPart(
        ['Content-Type: message/rfc822'],
        `Subject: x\nMIME-Version: 1.0\n${multipart('mixed', [TEXT, part([FILE_TYPE], latin1(textFile))], { boundary: 'in' })}`,
      ),
    'a text known by its digest below a second header of the mail, at its end': () =>
      mail(`${FILE_TYPE}\n\nContent-Type: text/plain\n\n${textFile}`),
    'a binary file known by its digest, in base64, a NUL and more behind a line': () =>
      inPart([FILE_TYPE, BASE64], base64(binaryFile).replace('\n', '\0abc\n')),
    'a binary file known by its digest, in quoted-printable, a line that begins with a NUL': () =>
      alone([FILE_TYPE, QUOTED], quotedPrintable(binaryFile).replace('\n', '\n\0a\n')),
    'a binary file known by its digest, in quoted-printable, a NUL before a soft break': () =>
      inPart([FILE_TYPE, QUOTED], quotedPrintable(binaryFile).replace('=\n', '\0=\n')),
    'a text known by its digest that looks like base64 in each line': () =>
      inPart([FILE_TYPE, 'Content-Transfer-Encoding: 7bit'], latin1(base64AlikeFile)),
  }),
]
