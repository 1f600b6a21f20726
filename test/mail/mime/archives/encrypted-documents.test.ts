import { crc32, deflateRawSync } from 'node:zlib'
import t from 'tap'
import { readMail } from '../read-mail.ts'

/** Office and OpenDocument files with a password, whose content no scanner sees. */

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

/** A zip archive (APPNOTE 4.3) of deflated files. */
function zip(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text as string)
    const data = deflateRawSync(content)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(8, 4)
    common.writeUInt32LE(crc32(content), 10)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(content.length, 18)
    common.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data])
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    entries.push(Buffer.from('PK\x01\x02\x14\0'), common, place, Buffer.from(name))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(locals.length, 8)
  end.writeUInt16LE(locals.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

function isEncrypted(file: Buffer): boolean {
  const encoded = file.toString('base64').replace(/.{76}/g, '$&\n')
  const type = 'Content-Type: application/octet-stream; name=a\nContent-Transfer-Encoding: base64'
  return readMail(`From: a@example.org\n${type}\n\n${encoded}\n`).odd.includes('encrypted')
}

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

const encrypted: Readonly<Record<string, Buffer>> = {
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
}

t.test('a document with a password is encrypted content', async (t) => {
  for (const [name, file] of Object.entries(encrypted)) t.ok(isEncrypted(file), name)
})

t.test('an ordinary document is not encrypted content', async (t) => {
  const ordinary: Readonly<Record<string, Buffer>> = {
    'an old Word file': compound('Root Entry', 'WordDocument', '1Table'),
    'a file with a name like that of the package': compound('Root Entry', 'EncryptedPackages'),
    'an OpenDocument file': openDocument(''),
    'an Office file': zip({ '[Content_Types].xml': '<Types/>', 'word/document.xml': 'x' }),
    'an archive with an old Word file': zip({ 'a.doc': compound('Root Entry', 'WordDocument') }),
    'an archive with ordinary documents': zip({
      'a.odt': openDocument(''),
      'b.docx': zip({ '[Content_Types].xml': '<Types/>' }),
    }),
    'a text about encryption-data': Buffer.from('manifest:encryption-data EncryptedPackage\n'),
  }
  for (const [name, file] of Object.entries(ordinary)) t.notOk(isEncrypted(file), name)
})

t.test('a broken document is read without an error', async (t) => {
  const loop = Buffer.from(office)
  loop.writeUInt32LE(1, SECTOR + 4) // the directory goes on with itself
  t.ok(isEncrypted(loop))
  for (const file of [compound('Root Entry'), openDocument(dataOfEncryption)]) {
    for (let length = 1; length < file.length; length += 7) isEncrypted(file.subarray(0, length))
    for (let at = 0; at < file.length; at += 5) {
      const changed = Buffer.from(file)
      changed[at] = 0xff
      isEncrypted(changed)
    }
  }
  t.pass('no error')
})
