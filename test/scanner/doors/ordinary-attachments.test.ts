import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync, gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import t from 'tap'
import { compoundFile } from '../../../src/scanner/readiness/test-mail/test-files.ts'
import type { Case, Expectation } from '../../cases/case.ts'
import { keptMail } from '../../cases/ordinary/kept.ts'
import { type Door, play } from '../../cases/play.ts'
import { lacks } from '../../needs.mjs'
import { clamdMissing, startClamd } from '../../programs/servers/clamd.ts'
import { archiveOf, packerMissing, packers } from '../scan/scanners/attachments/archives.ts'
import { BASE64, filePart, mixed } from '../scan/scanners/evasions/compose.ts'
import { sendToSocket } from './slot/socket/send.ts'

/**
 * What people attach, judged with encrypted=refuse and macros=refuse by a clamd that alerts about both: what is
 * encrypted or has macros is refused for that, and all else is let in.
 */

const text = (lines: string) => Buffer.from(lines)

const zipped = (files: Readonly<Record<string, string | Buffer>>) =>
  Buffer.from(
    zipSync(
      Object.fromEntries(
        Object.entries(files).map(([name, content]) => [
          name,
          new Uint8Array(Buffer.from(content)),
        ]),
      ),
    ),
  )

/** What a program leaves in `archive`, of one file with some text. */
function packedBy(program: string, words: readonly string[], archive: string): Buffer {
  const cwd = mkdtempSync(join(tmpdir(), 'onescan-packed-'))
  try {
    writeFileSync(join(cwd, 'letter.txt'), 'some text\n')
    execFileSync(program, [...words, 'letter.txt'], { cwd, stdio: 'ignore' })
    return readFileSync(join(cwd, archive))
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

/** A file of Office since 2007: its type and one part with some text. */
const office = (kind: string, main: string, more: Readonly<Record<string, string | Buffer>> = {}) =>
  zipped({
    '[Content_Types].xml': `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/${main}" ContentType="application/vnd.openxmlformats-officedocument.${kind}.main+xml"/></Types>`,
    '_rels/.rels': `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="${main}"/></Relationships>`,
    [main]: '<?xml version="1.0"?><document>some text</document>',
    ...more,
  })

const openDocument = (kind: string) =>
  zipped({
    mimetype: `application/vnd.oasis.opendocument.${kind}`,
    'content.xml': '<?xml version="1.0"?><office:document-content/>',
    'META-INF/manifest.xml': '<?xml version="1.0"?><manifest:manifest/>',
  })

const pdf = (trailer = '') =>
  text(
    `%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>\nendobj\n4 0 obj\n<< /Length 40 >>\nstream\nBT /F1 12 Tf (some text of this page) Tj\nendstream\nendobj\n5 0 obj\n<< /Filter /Standard /V 2 /R 3 /Length 128 /P -3904\n/O <${'ab'.repeat(32)}>\n/U <${'cd'.repeat(32)}> >>\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 6 /Root 1 0 R ${trailer} >>\nstartxref\n500\n%%EOF\n`,
  )

/** A picture of one pixel. */
function png(): Buffer {
  const chunk = (kind: string, content: Buffer) => {
    const named = Buffer.concat([Buffer.from(kind), content])
    const ends = [content.length, crc32(named)].map((word) => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(word)
      return bytes
    })
    return Buffer.concat([ends[0]!, named, ends[1]!])
  }
  const head = Buffer.from('00000001000000010800000000', 'hex')
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.from([0, 0]))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Likewise. */
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

/** A stream of Excel's with a plain sheet ([MS-XLS] 2.4.28), or with one of macros. */
const workbook = (kind: '00' | '01') =>
  compoundFile(
    'Workbook',
    Buffer.from(
      `090810000006050000000000000000000000000085000c006400000000${kind}0400616263640a000000`,
      'hex',
    ),
  )

type Make = (directory: string) => Buffer

const plainForms = Object.keys(packers).filter((form) => form !== 'encrypted zip')

/** Files by the names under which they are attached. */
const ordinary: Readonly<Record<string, Make>> = {
  ...Object.fromEntries(
    plainForms.map((form): [string, Make] => [
      form,
      (directory) => archiveOf(form, 'letter.txt', directory),
    ]),
  ),
  'letter.txt.gz': () => gzipSync('some text\n'),
  'letter.txt.bz2': () => packedBy('bzip2', [], 'letter.txt.bz2'),
  'four files.zip': () =>
    zipped({ 'a.txt': 'a', 'b/c.csv': '1;2', 'page.html': '<p>x</p>', 'picture.png': png() }),
  'empty.zip': () => zipped({}),
  'letter.docx': () => office('wordprocessingml.document', 'word/document.xml'),
  'table.xlsx': () => office('spreadsheetml.sheet', 'xl/workbook.xml'),
  'slides.pptx': () => office('presentationml.presentation', 'ppt/presentation.xml'),
  'letter.odt': () => openDocument('text'),
  'table.ods': () => openDocument('spreadsheet'),
  'book.epub': () => zipped({ mimetype: 'application/epub+zip', 'a.xhtml': '<html/>' }),
  'old table.xls': () => workbook('00'),
  'old letter.doc': () =>
    compoundFile('WordDocument', Buffer.from('eca5c1000000000000000000', 'hex')),
  'letter.pdf': () => pdf(),
  'letter.rtf': () => text('{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\f0 some text\\par}\n'),
  'picture.png': () => png(),
  'picture.gif': () => GIF,
  'picture.svg': () => text('<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>\n'),
  'page.html': () => text('<html><body><p>some text</p></body></html>\n'),
  'meeting.ics': () =>
    text(
      'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
    ),
  'ann.vcf': () => text('BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nN:Ann;;;;\r\nEND:VCARD\r\n'),
  'table.csv': () => text('name;sum\nAnn;12\n'),
  'data.json': () => text('{"name": "Ann", "encrypted": false}\n'),
  'bill.xml': () => text('<?xml version="1.0"?><Invoice><ID>1</ID></Invoice>\n'),
  'server.log': () => text('Jun  1 10:00:00 mx postfix[1]: encrypted connection established\n'),
}

const encryptedFiles: Readonly<Record<string, Make>> = {
  'encrypted.zip': (directory) => archiveOf('encrypted zip', 'letter.txt', directory),
  'encrypted with AES.zip': () =>
    packedBy('7z', ['a', '-bd', '-tzip', '-psecret', '-mem=AES256', 'a.zip'], 'a.zip'),
  'encrypted zip in a.zip': (directory) =>
    zipped({ 'inner.zip': archiveOf('encrypted zip', 'letter.txt', directory) }),
  'encrypted.7z': () => packedBy('7z', ['a', '-bd', '-psecret', 'a.7z'], 'a.7z'),
  'encrypted with its names.7z': () =>
    packedBy('7z', ['a', '-bd', '-psecret', '-mhe=on', 'a.7z'], 'a.7z'),
  'encrypted.pdf': () => pdf(`/Encrypt 5 0 R /ID [<${'12'.repeat(16)}> <${'12'.repeat(16)}>]`),
  // libclamav 1.4 names no encrypted document of Office.
}

const withMacros: Readonly<Record<string, Make>> = {
  'macros.xls': () => workbook('01'),
  'macros in a.zip': () => zipped({ 'table.xls': workbook('01') }),
}

/** Messages that programs wrote, which are signed or carry what could be taken for encrypted. */
const ordinaryMails = [
  ...['gpg-clearsigned', 'gpg-detached', 'gpg-key', 'gpg-signed-file', 'mutt-pgp-signed'],
  ...['openssl-detached', 'openssl-opaque-small', 'outlook-tnef', 'google-invitation'],
]
const encryptedMails = ['gpg-encrypted-file', 'mutt-pgp-encrypted', 'openssl-encrypted']

const letIn: Expectation = { outcome: 'delivered', xQhpsi: 'clean', log: /^(?!.*grounds=)/ }
const encrypted: Expectation = {
  outcome: 'refused',
  text: /it contains encrypted content, which cannot be scanned/,
  log: /grounds=encrypted /,
}
const macros: Expectation = {
  outcome: 'refused',
  text: /a document in it has macros \(Heuristics\.OLE2\.ContainsMacros/,
  log: /grounds=macros /,
}

const missing = clamdMissing || packerMissing || lacks('bzip2', '7z')

t.test('ordinary attachments', { skip: missing }, async (t) => {
  const clamd = await startClamd(t, {
    alertEncrypted: true,
    alertOLE2Macros: true,
    alertExceedsMax: true,
  })
  const directory = t.testdir()
  const settings = () => ({
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    FINDINGS: 'encrypted=refuse macros=refuse',
  })
  const files = (makers: Readonly<Record<string, Make>>, expect: Expectation): Case[] =>
    Object.entries(makers).map(([name, make]) => {
      const fields = [`Content-Type: application/octet-stream; name="${name}"`, BASE64]
      const message = () => Buffer.from(mixed(filePart(make(directory), fields)), 'latin1')
      return { name, message, settings, expect }
    })
  const mails = (names: readonly string[], expect: Expectation): Case[] =>
    names.map((name) => {
      const message = () => Buffer.from(keptMail(name), 'latin1')
      return { name, message, settings, expect }
    })
  const cases = [
    ...[...files(ordinary, letIn), ...mails(ordinaryMails, letIn)],
    ...[...files(encryptedFiles, encrypted), ...mails(encryptedMails, encrypted)],
    ...files(withMacros, macros),
  ]
  const door: Door = { hasDaemon: true, send: (t, sent) => sendToSocket(t, sent, () => true) }
  for (const testCase of cases) await t.test(testCase.name, (t) => play(t, testCase, door))
  t.ok(cases.length >= 40)
})
