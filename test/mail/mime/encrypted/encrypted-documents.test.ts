import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import t from 'tap'
import { costs, SEARCHED_PER_UNIT } from '../../../../src/mail/mime/budget/costs.ts'
import { isEncryptedDocument } from '../../../../src/mail/mime/encrypted/encrypted-documents.ts'
import { sevenZip } from '../../../messages/hostile/container-shapes.ts'
import { tarMember } from '../../../scanner/scan/scanners/attachments/archives.ts'
import { readMail } from '../read-mail.ts'
import { doneUnlimited, sumOf } from '../unlimited-work.ts'

/** Documents and archives with a password, whose content no scanner sees. */

const SECTOR = 512

/** A compound file (MS-CFB) of a table sector and directory sectors with entries of these names. */
function compound(...names: readonly string[]): Buffer {
  const header = Buffer.alloc(SECTOR)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(header)
  header.writeUInt16LE(9, 30) // sectors of 512 bytes
  header.writeUInt32LE(1, 48) // the directory begins in sector 1
  header.writeUInt32LE(0, 76) // the table is in sector 0
  const count = Math.ceil(names.length / 4)
  const table = Buffer.alloc(SECTOR, 0xff)
  for (let sector = 1; sector <= count; sector++)
    table.writeUInt32LE(sector < count ? sector + 1 : 0xfffffffe, 4 * sector)
  const directory = Buffer.alloc(count * SECTOR)
  for (const [number, name] of names.entries()) directory.write(name, 128 * number, 'utf16le')
  return Buffer.concat([header, table, directory])
}

/** A compound file with a stream that begins with these bytes: below 4,096 bytes it shares a sector. */
function withStream(name: string, start: Buffer, size: number): Buffer {
  const file = compound('Root Entry', 'x', 'y', name)
  const [root, stream] = [2 * SECTOR, 2 * SECTOR + 3 * 128]
  file.writeUInt32LE(2, root + 116) // the shared sectors begin in sector 2
  file.writeUInt32LE(size < 4096 ? 1 : 2, stream + 116)
  file.writeUInt32LE(size, stream + 120)
  const content = Buffer.alloc(Math.max(size, SECTOR))
  start.copy(content, size < 4096 ? 64 : 0)
  return Buffer.concat([file, content])
}

/** The beginning of a Word file before 2007, and of a workbook before 2007. */
const wordStart = (flags: number) =>
  Buffer.from([0xec, 0xa5, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, flags, 0])
const workbookStart = (...records: readonly number[]) =>
  Buffer.concat(
    [0x809, ...records].map((type) => Buffer.from([type & 0xff, type >> 8, 4, 0, 1, 2, 3, 4])),
  )

const zip = (files: Readonly<Record<string, string | Buffer>>) =>
  Buffer.from(
    zipSync(
      Object.fromEntries(
        Object.entries(files).map(([name, text]) => [name, Buffer.from(text as string)]),
      ),
    ),
  )

const tar = (files: Readonly<Record<string, Buffer>>) =>
  Buffer.concat([
    ...Object.entries(files).map(([name, content]) => tarMember(name, '0', content)),
    Buffer.alloc(1024),
  ])

/** The archive of Info-ZIP with bytes at an offset from its beginning, or from the first entry of its directory, replaced. */
function changedZip(
  changes: Readonly<Record<'own' | 'listed', readonly [at: number, byte: number]>>,
) {
  const archive = Buffer.from(made('archive.zip'))
  archive[changes.own[0]] = changes.own[1]
  archive[archive.indexOf('PK\x01\x02') + changes.listed[0]] = changes.listed[1]
  return archive
}

/** An archive with a comment. */
function withComment(archive: Buffer, comment: string): Buffer {
  const changed = Buffer.concat([archive, Buffer.from(comment)])
  changed.writeUInt16LE(comment.length, archive.length - 2)
  return changed
}

/** An archive whose files have another name in front of them than in the directory. */
function withOwnNames(archive: Buffer, name: string, own: string): Buffer {
  const changed = Buffer.from(archive)
  changed.write(own, changed.indexOf(name), 'latin1')
  return changed
}

/** An archive whose directory states another size of the first file. */
function withStatedSize(archive: Buffer, size: number): Buffer {
  const changed = Buffer.from(archive)
  changed.writeUInt32LE(size, changed.indexOf('PK\x01\x02') + 24)
  return changed
}

/** A 7-Zip archive with this list of files, which is not packed. */
function sevenZipWithList(list: Buffer): Buffer {
  const start = Buffer.alloc(32)
  start.write('377abcaf271c', 'hex')
  start.writeUInt32LE(list.length, 20)
  return Buffer.concat([start, list])
}

/** The properties of LZMA with eight bits of the last byte, and four of the position. */
const LARGEST_TABLES = 224

function read(file: Buffer) {
  const encoded = file.toString('base64').replace(/.{76}/g, '$&\n')
  const type = 'Content-Type: application/octet-stream; name=a\nContent-Transfer-Encoding: base64'
  return readMail(`From: a@example.org\n${type}\n\n${encoded}\n`)
}

const odd = (file: Buffer) => [...new Set(read(file).odd)]
const isEncrypted = (file: Buffer): boolean => read(file).odd.includes('encrypted')

const office = compound('Root Entry', 'EncryptionInfo', 'EncryptedPackage', '\x06DataSpaces')
const manifest = (inner: string) =>
  `<manifest:manifest><manifest:file-entry manifest:full-path="content.xml">${inner}</manifest:file-entry></manifest:manifest>`
const openDocument = (inner: string) =>
  zip({
    mimetype: 'application/vnd.oasis.opendocument.text',
    'content.xml': 'x',
    'META-INF/manifest.xml': manifest(inner),
  })
const dataOfEncryption = '<manifest:encryption-data manifest:checksum="x"/>'

/** A block of RAR 1.5 to 4, with data behind it if it is of a file: its type and its flags. */
function rar4Block(type: number, flags: number, data = 0): Buffer {
  const block = Buffer.alloc(type === 0x74 ? 40 : 13)
  block[2] = type
  block.writeUInt16LE(flags | (data > 0 ? 0x8000 : 0), 3)
  block.writeUInt16LE(block.length, 5)
  if (data > 0) block.writeUInt32LE(data, 7)
  return Buffer.concat([block, Buffer.alloc(data, 'x')])
}
const rar4 = (...blocks: readonly Buffer[]) =>
  Buffer.concat([Buffer.from('Rar!\x1a\x07\0', 'latin1'), ...blocks])

/** A header of RAR 5: its type, its record of a file if it has one, and the bytes of data behind it. */
function rar5Header(type: number, record: readonly number[] = [], data = 0): Buffer {
  const extra = record.length > 0 ? [record.length + 1] : []
  const flags = (extra.length > 0 ? 1 : 0) | (data > 0 ? 2 : 0)
  const fields = [type, flags, ...extra, ...(data > 0 ? [data | 0x80, 0] : []), 0, 0, 0]
  const records = record.length > 0 ? [record.length, ...record] : []
  const header = Buffer.from([...fields, ...records])
  return Buffer.concat([Buffer.alloc(4), Buffer.from([header.length]), header, Buffer.alloc(data)])
}
const rar5 = (...headers: readonly Buffer[]) =>
  Buffer.concat([Buffer.from('Rar!\x1a\x07\x01\0', 'latin1'), ...headers])

/** Files of LibreOffice 7.4, of Info-ZIP 3.0, of officecrypto-tool 0.0.19 (Office 2010 and 2007), of 7-Zip 26.01 and of qpdf 11.3, with the password `secret`, and without. */
const made = (name: string) => readFileSync(join(import.meta.dirname, 'files', name))

const encrypted: Readonly<Record<string, Buffer>> = {
  'a Word file of LibreOffice': made('word-97.doc'),
  'a workbook of LibreOffice': made('excel-97.xls'),
  'a Word file of Office 2010': made('word.docx'),
  'a workbook of Office 2007': made('excel.xlsx'),
  'a text of LibreOffice': made('writer.odt'),
  'an archive of Info-ZIP': made('archive.zip'),
  'an archive of Info-ZIP in another one': zip({ 'a.txt': 'x', 'b.zip': made('archive.zip') }),
  'an archive of Info-ZIP in a tar': tar({ 'b.zip': made('archive.zip') }),
  'an archive with a comment': withComment(made('archive.zip'), 'x'.repeat(65_535)),
  'an archive with a line end behind it': Buffer.concat([made('archive.zip'), Buffer.from('\n')]),
  'an archive with a line end in front of it': Buffer.concat([
    Buffer.from('\n'),
    made('archive.zip'),
  ]),
  'an archive that only its files, and not its directory, show as encrypted': changedZip({
    own: [6, 1],
    listed: [8, 0],
  }),
  'an archive that only its directory shows as encrypted': changedZip({
    own: [6, 0],
    listed: [8, 1],
  }),
  'an archive without a directory': made('archive.zip').subarray(
    0,
    made('archive.zip').indexOf('PK\x01\x02'),
  ),
  'an archive below a program': Buffer.concat([Buffer.from('MZ'.repeat(999)), made('archive.zip')]),
  'an Office file in an archive with a comment, in lines': Buffer.concat([
    Buffer.from('\n'),
    withComment(zip({ 'b.docx': office }), 'x'),
    Buffer.from('\n'),
  ]),
  'an Office file that only the directory names so, below another line': Buffer.concat([
    Buffer.from('x\n'),
    withOwnNames(zip({ 'b.docx': office }), 'b.docx', 'b.none'),
  ]),
  'an Office file in an archive without a directory': zip({ 'b.docx': office }).subarray(0, -80),
  'an Office file of a stated size of 4 GB': withStatedSize(zip({ 'b.docx': office }), 2 ** 32 - 1),
  'an OpenDocument file with a long list of files': openDocument(
    `${' '.repeat(2 ** 20)}${dataOfEncryption}`,
  ),
  'an Office file behind 2,001 others': zip({
    ...Object.fromEntries(Array.from({ length: 2001 }, (_, index) => [`${index}.txt`, 'x'])),
    'b.docx': office,
  }),
  'a compressed Office file with bytes behind it': Buffer.concat([
    gzipSync(office),
    Buffer.alloc(9, 0xff),
  ]),
  'a RAR file of many files': rar4(
    ...Array<Buffer>(4097).fill(rar4Block(0x74, 0)),
    rar4Block(0x74, 4),
  ),
  'a RAR 5 file of many files': rar5(
    ...Array<Buffer>(4097).fill(rar5Header(2)),
    rar5Header(2, [1, 0, 0]),
  ),
  'an archive of 7-Zip with a long list': sevenZipWithList(
    Buffer.concat([Buffer.alloc(2 ** 20, 1), Buffer.from('2406f10701', 'hex')]),
  ),
  'an archive of 7-Zip': made('hidden-content.7z'),
  'an archive of 7-Zip with hidden names': made('hidden-names.7z'),
  'an archive of 7-Zip with a plain list': made('raw-header.7z'),
  'an archive of 7-Zip in another one': zip({ 'b.7z': made('hidden-content.7z') }),
  'a RAR file': rar4(rar4Block(0x73, 0), rar4Block(0x74, 0, 300), rar4Block(0x74, 4, 5)),
  'a RAR file with hidden names': rar4(rar4Block(0x73, 0x80), Buffer.alloc(99, 'x')),
  'a RAR 5 file': rar5(rar5Header(1), rar5Header(2, [9, 9], 100), rar5Header(2, [1, 0, 0], 9)),
  'a RAR 5 file with hidden names': rar5(rar5Header(4), Buffer.alloc(99, 'x')),
  'a PDF file of 40 bits': made('user-40.pdf'),
  'a PDF file of 128 bits': made('user-128.pdf'),
  'a PDF file of 256 bits': made('user-256.pdf'),
  'a PDF file with a compressed table': made('user-xref.pdf'),
  'a PDF file for the web': made('user-lin.pdf'),
  'a PDF file below other bytes': Buffer.concat([Buffer.from('x\n\n'), made('user-xref.pdf')]),
  'a PDF file with another spelling': Buffer.from(
    made('user-40.pdf').toString('latin1').replace('/Encrypt', '/#45ncr#79pt'),
    'latin1',
  ),
  'a PDF file in an archive': zip({ 'b.pdf': made('user-128.pdf') }),
  'a Word file before 2007': withStream('WordDocument', wordStart(1), 4096),
  'a short Word file before 2007': withStream('WordDocument', wordStart(1), 1000),
  'a workbook before 2007': withStream('Workbook', workbookStart(0x2f), 4096),
  'a short workbook that nobody should change': withStream('Book', workbookStart(0x86, 0x2f), 100),
  'a slide show before 2007': compound('Root Entry', 'PowerPoint Document', 'EncryptedSummary'),
  'an Office file': office,
  'an Office file with a long directory': compound(...Array(20).fill('x'), 'EncryptedPackage'),
  'an OpenDocument file': openDocument(dataOfEncryption),
  'an OpenDocument file that is encrypted as a whole': zip({
    mimetype: 'application/vnd.oasis.opendocument.text',
    'encrypted-package': 'x',
  }),
  'an Office file in an archive': zip({ 'a.txt': 'x', 'sub/b.docx': office }),
  'a binary Office file in an archive': zip({ 'b.xlsb': office }),
  'a template in an archive': zip({ 'b.dotx': office }),
  'a slide show in an archive': zip({ 'b.PPSX': office }),
  'an OpenDocument file in an archive': zip({ 'b.odt': openDocument(dataOfEncryption) }),
  'an OpenDocument file that is encrypted as a whole, in an archive': zip({
    'b.ods': zip({ 'encrypted-package': 'x' }),
  }),
  'an Office file in an archive in an archive': zip({ 'a.zip': zip({ 'b.docx': office }) }),
  'an Office file in a tar': tar({ 'a.txt': Buffer.from('x'), 'b.docx': office }),
  'an Office file in a compressed tar': gzipSync(tar({ 'b.docx': office })),
  'an OpenDocument file in a tar in a zip': zip({
    'a.tar': tar({ 'b.odt': openDocument(dataOfEncryption) }),
  }),
  'a compressed Office file': gzipSync(office),
}

t.test('a document or archive with a password is encrypted content', async (t) => {
  for (const [name, file] of Object.entries(encrypted)) t.ok(isEncrypted(file), name)
})

t.test('an ordinary document is not encrypted content', async (t) => {
  const ordinary: Readonly<Record<string, Buffer>> = {
    'a Word file of LibreOffice': made('without-password.doc'),
    'a workbook of LibreOffice': made('without-password.xls'),
    'an archive of Info-ZIP': made('without-password.zip'),
    'an archive in lines, with a comment': Buffer.concat([
      Buffer.from('x\n'),
      withComment(zip({ 'b.docx': zip({ 'word/document.xml': 'x' }) }), 'PK\x01\x02'),
      Buffer.from('\n'),
    ]),
    'a file with the first bytes of headers in it': Buffer.concat([
      made('without-password.zip'),
      Buffer.from('PK\x03\x04'.repeat(9) + 'PK\x01\x02'.repeat(20), 'latin1'),
    ]),
    'an archive of 7-Zip': made('plain.7z'),
    'a RAR file': rar4(rar4Block(0x73, 0), rar4Block(0x74, 0, 300), rar4Block(0x7b, 0)),
    'a RAR 5 file': rar5(rar5Header(1), rar5Header(2, [9, 9], 100), rar5Header(5)),
    'a PDF file': made('plain.pdf'),
    ...Object.fromEntries(
      ['40', '256', 'aes128', 'meta', 'R5', 'xref', 'lin'].map((name) => [
        `a PDF file that may not be printed (${name})`,
        made(`open-${name}.pdf`),
      ]),
    ),
    'a PDF file about encryption': Buffer.from(
      made('plain.pdf').toString('latin1').replace('/Pages 2', '/Text (/Encrypt 1 0 R) /Pages 2'),
      'latin1',
    ),
    'a Word file before 2007': withStream('WordDocument', wordStart(2), 4096),
    'a workbook before 2007': withStream('Workbook', workbookStart(0x42, 0x2f), 4096),
    'an old Word file': compound('Root Entry', 'WordDocument', '1Table'),
    'a file with a name like that of the package': compound('Root Entry', 'EncryptedPackages'),
    'an OpenDocument file': openDocument(''),
    'an Office file': zip({ '[Content_Types].xml': '<Types/>', 'word/document.xml': 'x' }),
    'an archive with an old Word file': zip({ 'a.doc': compound('Root Entry', 'WordDocument') }),
    'an archive with ordinary documents': zip({
      'a.odt': openDocument(''),
      'b.docx': zip({ '[Content_Types].xml': '<Types/>' }),
    }),
    'a tar with ordinary documents': tar({ 'a.odt': openDocument(''), 'b.txt': Buffer.from('x') }),
    'a compressed log': gzipSync('EncryptedPackage\n'.repeat(10_000)),
    'a text about encryption-data': Buffer.from('manifest:encryption-data EncryptedPackage\n'),
  }
  for (const [name, file] of Object.entries(ordinary)) t.notOk(isEncrypted(file), name)
})

t.test(
  'what is not searched to its end is unread, or nothing if ordinary files are so',
  async (t) => {
    const documents = Object.fromEntries(
      Array.from({ length: 2001 }, (_, index) => [`${index}.doc`, 'x']),
    )
    t.same(odd(zip(documents)), ['unread'], 'more than 2,000 documents')
    const oddWith = (change: (archive: Buffer) => void) => {
      const archive = Buffer.from(made('plain.7z'))
      change(archive)
      return read(archive).odd
    }
    const coder = made('plain.7z').indexOf('23030101', 0, 'hex')
    t.same(
      oddWith(() => {}),
      [],
    )
    t.same(
      oddWith((archive) => void archive.fill(0x21, coder, coder + 1)),
      ['unread'],
      'LZMA2',
    )
    t.same(
      oddWith((archive) => void archive.write('f0ffffff7f', coder + 10, 'hex')),
      ['unread'],
      'a list that states 2 GB',
    )
    const log = Buffer.alloc(4 * 2 ** 20, 'a line of a log\n')
    t.same(odd(gzipSync(tar({ log }))), [], 'a compressed tar of a log')
  },
)

t.test('sectors that follow one another in a circle cost no more than the file has', async (t) => {
  const file = compound(...Array(40).fill('Workbook'))
  const [table, directory] = [SECTOR, 2 * SECTOR]
  file.writeUInt32LE(1, table + 4) // of the directory, and of the sectors that streams share
  file.writeUInt32LE(1, directory + 116)
  for (let n = 1; n < 40; n++) file.writeUInt32LE(0xffffffff, directory + 128 * n + 116)
  const { odd, work } = read(file)
  t.same(odd, [])
  t.ok(work < 100_000, `${work} units`)
})

t.test('a broken document is read without an error', async (t) => {
  const loop = Buffer.from(office)
  loop.writeUInt32LE(1, SECTOR + 4) // the directory goes on with itself
  t.ok(isEncrypted(loop))
  for (const file of [
    compound('Root Entry'),
    openDocument(dataOfEncryption),
    gzipSync(tar({ 'b.docx': office })),
    withStream('Book', workbookStart(0x86, 0x2f), 100),
    made('hidden-content.7z'),
    made('user-xref.pdf'),
    made('open-40.pdf'),
    rar4(rar4Block(0x73, 0), rar4Block(0x74, 0, 30)),
    rar5(rar5Header(1), rar5Header(2, [9, 9], 100)),
  ]) {
    for (let length = 1; length < file.length; length += 7) isEncrypted(file.subarray(0, length))
    for (let at = 0; at < file.length; at += 5) {
      const changed = Buffer.from(file)
      changed[at] = 0xff
      isEncrypted(changed)
    }
  }
  t.pass('no error')
})

t.test('the tables that a packed list of 7-Zip asks for are work', async (t) => {
  const ordinary = Buffer.from(sevenZip)
  ordinary[sevenZip.indexOf(LARGEST_TABLES)] = 0x5d // as 7-Zip writes it
  const tables = 2 * (0x300 << (8 + 4))
  t.ok(read(sevenZip).work - read(ordinary).work > tables / 5)
})

t.test('what begins like the headers of a zip is searched for once', async (t) => {
  const bytes = Buffer.from(`PK\x03\x04${'PK'.repeat(100_000)}`)
  const { result, units } = doneUnlimited((work) => isEncryptedDocument(bytes, work))
  t.equal(result, false)
  const once = bytes.length / SEARCHED_PER_UNIT + (costs.entry * bytes.length) / 2
  t.ok(sumOf(units) < 1.1 * once, `${sumOf(units)} units`)
})
