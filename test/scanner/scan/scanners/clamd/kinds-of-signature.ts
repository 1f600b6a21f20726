import { createHash } from 'node:crypto'
import { zipSync } from 'fflate'
import type { FileInMail } from './allowed-mail.ts'

const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex')
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const text = Buffer.from('Dear all,\nthese are = the minutes.\nRegards\n')
const page = Buffer.from('<html><body>\n<p title="a=b">The Minutes</p>\n</body></html>\n')
const bytes = Buffer.from(`\0\x01\xff${'abc\r\n\0'.repeat(40)}the very end`, 'latin1')
const pdf = Buffer.from('%PDF-1.4\n1 0 obj\n<< /The /Minutes >>\nendobj\n%%EOF\n')
const gif = Buffer.from('GIF89a\x01\0\x01\0\0\0\0the minutes as a picture;', 'latin1')
const zip = Buffer.from(zipSync({ 'minutes.exe': Buffer.from('the minutes in an archive') }))

const SECTION = 512
const program = smallProgram()

/** A program for Windows with one section, whose import table names one function. */
function smallProgram(): Buffer {
  const file = Buffer.alloc(3 * SECTION)
  file.write('MZ', 0)
  file.writeUInt32LE(64, 60)
  file.write('PE\0\0', 64, 'latin1')
  file.writeUInt16LE(0x14c, 68) // for i386
  file.writeUInt16LE(1, 70) // one section
  file.writeUInt16LE(224, 84) // the size of the optional header
  file.writeUInt16LE(0x102, 86)
  const optional = 88
  file.writeUInt16LE(0x10b, optional)
  file.writeUInt32LE(SECTION, optional + 4)
  file.writeUInt32LE(0x1000, optional + 16) // where it begins to run
  file.writeUInt32LE(0x1000, optional + 20)
  file.writeUInt32LE(0x400000, optional + 28)
  file.writeUInt32LE(0x1000, optional + 32)
  file.writeUInt32LE(SECTION, optional + 36)
  file.writeUInt16LE(4, optional + 40)
  file.writeUInt16LE(4, optional + 48)
  file.writeUInt32LE(0x2000, optional + 56)
  file.writeUInt32LE(SECTION, optional + 60)
  file.writeUInt16LE(3, optional + 68)
  file.writeUInt32LE(16, optional + 92)
  file.writeUInt32LE(0x1100, optional + 104) // the import table
  file.writeUInt32LE(40, optional + 108)
  const section = optional + 224
  file.write('.text', section)
  file.writeUInt32LE(SECTION, section + 8)
  file.writeUInt32LE(0x1000, section + 12)
  file.writeUInt32LE(SECTION, section + 16)
  file.writeUInt32LE(SECTION, section + 20)
  file.writeUInt32LE(0x60000020, section + 36)
  file.write('\x90\x90the minutes as a program', SECTION, 'latin1')
  const table = SECTION + 0x100
  file.writeUInt32LE(0x1160, table)
  file.writeUInt32LE(0x1150, table + 12)
  file.writeUInt32LE(0x1160, table + 16)
  file.write('kernel32.dll', SECTION + 0x150)
  file.writeUInt32LE(0x1170, SECTION + 0x160)
  file.write('ExitProcess', SECTION + 0x172)
  return file
}

/** A file that one signature finds. */
export interface KnownFile extends FileInMail {
  /** The file of the database, and the line in it. */
  readonly database: string
  readonly line: string
}

const known = (
  type: KnownFile['type'],
  content: Buffer,
  database: string,
  line: string,
): KnownFile => ({ type, bytes: content, database, line })

/** A YARA rule for a file of this length with this text. */
const yara = (content: Buffer, words: string) =>
  `rule S { strings: $a = "${words}" condition: $a and filesize == ${content.length} }`

/** A file for each kind of signature of ClamAV, with the signature that finds it. */
export const kindsOfSignature: Readonly<Record<string, KnownFile>> = {
  'text by its MD5': known('text/plain', text, 'a.hdb', `${md5(text)}:${text.length}:S`),
  'file by its MD5': known('file', bytes, 'a.hdb', `${md5(bytes)}:${bytes.length}:S`),
  'text by its SHA-256': known('text/plain', text, 'a.hsb', `${sha256(text)}:${text.length}:S:73`),
  'file by its SHA-256': known('file', bytes, 'a.hsb', `${sha256(bytes)}:${bytes.length}:S:73`),
  'section of a program': known(
    'file',
    program,
    'a.mdb',
    `${SECTION}:${md5(program.subarray(SECTION, 2 * SECTION))}:S`,
  ),
  'imports of a program': known(
    'file',
    program,
    'a.imp',
    `${md5(Buffer.from('kernel32.exitprocess'))}:*:S:90`,
  ),
  'text, at its beginning': known('text/plain', text, 'a.ndb', `S:0:0:${hex('Dear all,\nthese')}`),
  'text, at its end': known('text/plain', text, 'a.ndb', `S:0:EOF-8:${hex('Regards\n')}`),
  'any file, at its beginning': known('file', bytes, 'a.ndb', `S:0:0:${hex('\0\x01\xffabc\r\n')}`),
  'any file, at its end': known('file', bytes, 'a.ndb', `S:0:EOF-12:${hex('the very end')}`),
  'program, where it begins': known('file', program, 'a.ndb', `S:1:EP+0:9090${hex('the minutes')}`),
  'page, normalized': known('text/html', page, 'a.ndb', `S:3:*:${hex('title="a=b"')}`),
  'page, at its beginning': known('text/html', page, 'a.ndb', `S:3:0:${hex('<html><body>')}`),
  'text, normalized': known('text/plain', text, 'a.ndb', `S:7:0:${hex('dear all')}`),
  picture: known('file', gif, 'a.ndb', `S:5:*:${hex('the minutes')}`),
  document: known('file', pdf, 'a.ndb', `S:10:*:${hex('/Minutes')}`),
  'archived file in a container': known(
    'file',
    zip,
    'a.ldb',
    `S;Engine:81-255,Target:0,Container:CL_TYPE_ZIP;0;${hex('the minutes in')}`,
  ),
  'archived file below an intermediate': known(
    'file',
    zip,
    'a.ldb',
    `S;Engine:100-255,Target:0,Intermediates:CL_TYPE_ZIP;0;${hex('the minutes in')}`,
  ),
  'text by a logical signature': known(
    'text/plain',
    text,
    'a.ldb',
    `S;Engine:51-255,Target:0;0&1;0:${hex('Dear')};EOF-8:${hex('Regards')}`,
  ),
  'page by a logical signature': known(
    'text/html',
    page,
    'a.ldb',
    `S;Engine:51-255,Target:3;0&1;${hex('title="a=b"')};${hex('the minutes')}`,
  ),
  'program by a logical signature': known(
    'file',
    program,
    'a.ldb',
    `S;Engine:51-255,Target:1,FileSize:1500-1600,NumberOfSections:1-1;0;EP+2:${hex('the minutes')}`,
  ),
  'name in an archive': known(
    'file',
    zip,
    'a.cdb',
    String.raw`S:CL_TYPE_ZIP:*:minutes\.exe:*:*:*:*:*:*`,
  ),
  'text by a YARA rule': known('text/plain', text, 'a.yar', yara(text, 'these are = the minutes')),
  'file by a YARA rule': known('file', bytes, 'a.yar', yara(bytes, 'the very end')),
}

/** What a clamd knows that finds this file, in addition to the test virus. */
export const databaseOf = ({ database, line }: KnownFile): Readonly<Record<string, string>> => ({
  [database]: `${line}\n`,
})
