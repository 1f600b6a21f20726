import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Bytes } from '../../../../../src/mail/message/bytes.ts'
import { kindsOf } from '../../../../../src/scanner/scan/scanners/attachments/attachment-rules.ts'
import { lacks } from '../../../../needs.mjs'
import { archiveOf, packerMissing } from './archives.ts'

/** Kinds of content by their first bytes; file(1) is the second reader of what stands for them. */

const kinds = (content: Buffer) => kindsOf(Bytes.of(content))
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const zeros = (size: number) => Buffer.alloc(size)
const withAt = (size: number, ...parts: readonly (readonly [at: number, bytes: Buffer])[]) => {
  const content = zeros(size)
  for (const [at, bytes] of parts) bytes.copy(content, at)
  return content
}

const vhdFooter = Buffer.concat([
  Buffer.from('conectix'),
  hex('00000002 00010000 ffffffffffffffff 00000000'),
  Buffer.from('qemu'),
  zeros(480),
])
/** The first sector of a volume, which names its file system at this byte. */
const bootSectorOf = (at: number, system: string) =>
  withAt(
    4096,
    [0, hex('eb3c90')],
    [3, Buffer.from('mkfs.fat')],
    [11, hex('00 02 04 01 00 02 00 02 00 08 f8 02 00')],
    [at, Buffer.from(system)],
    [510, hex('55aa')],
  )
const partitions = withAt(
  4096,
  [446, hex('80 010100 83 fe3f01 3f000000 00080000')],
  [510, hex('55aa')],
)

/** A content of each kind, and what file(1) reports about it; OneNote it does not know. */
type ContentKind = ReturnType<typeof kindsOf>[number]

const examples: readonly (readonly [kind: ContentKind, content: Buffer, file: RegExp])[] = [
  ['executable', Buffer.concat([Buffer.from('MZ'), zeros(62)]), /MS-DOS executable/],
  ['executable', Buffer.concat([hex('7f454c46020101'), zeros(57)]), /ELF 64-bit/],
  [
    'shortcut',
    Buffer.concat([hex('4c000000 0114020000000000c000000000000046 9b000800'), zeros(80)]),
    /MS Windows shortcut/,
  ],
  [
    'shortcut',
    Buffer.from('[InternetShortcut]\r\nURL=file://192.0.2.1/a.exe\r\n'),
    /Internet shortcut|URL=/,
  ],
  ['disk-image', withAt(40_000, [32_768, hex('01 4344303031 01')]), /ISO 9660/],
  ['disk-image', Buffer.concat([zeros(4096), vhdFooter]), /^data|Disk Image/],
  ['disk-image', Buffer.concat([vhdFooter, zeros(4096)]), /Microsoft Disk Image/],
  ['disk-image', Buffer.concat([Buffer.from('vhdxfile'), zeros(65_536)]), /region|Disk Image/],
  ['disk-image', bootSectorOf(54, 'FAT12   '), /boot sector/],
  ['disk-image', partitions, /boot sector/],
  ['disk-image', Buffer.concat([zeros(4096), Buffer.from('koly'), zeros(508)]), /^/],
  ['disk-image', bootSectorOf(3, 'NTFS    '), /boot sector/],
  ['disk-image', bootSectorOf(3, 'FAT32   '), /boot sector/],
  ['disk-image', bootSectorOf(54, 'FAT16   '), /boot sector/],
  ['disk-image', bootSectorOf(82, 'FAT32   '), /boot sector/],
  ['onenote', Buffer.concat([hex('e4525c7b8cd8a74daeb15378d02996d3'), zeros(64)]), /^/],
  [
    'html-application',
    Buffer.from('<html><head>\n<HTA:APPLICATION ID="a"/>\n</head></html>'),
    /HTML|ASCII text/,
  ],
]

t.test('a kind of content is known by its bytes', async (t) => {
  const directory = t.testdir()
  for (const [kind, content, described] of examples) {
    t.same(kinds(content), [kind], described.source)
    const path = join(directory, 'content')
    writeFileSync(path, content)
    if (!lacks('file')) t.match(String(execFileSync('file', ['--brief', path])), described)
  }
})

t.test(
  'a disk image that a real program makes is recognized',
  { skip: packerMissing },
  async (t) => {
    t.same(kinds(archiveOf('iso', 'a.txt', t.testdir())), ['disk-image'])
  },
)

t.test('other content is of no kind, and truncated content of none or of its own', async (t) => {
  t.same(kinds(Buffer.from('MZ is how a letter may begin')), [])
  t.same(kinds(Buffer.from('<p>about hta:application</p>')), [])
  t.same(kinds(withAt(4096, [510, hex('55aa')])), [], 'a mark without a partition')
  fc.assert(
    fc.property(fc.constantFrom(...examples), fc.nat(), ([kind, content], at) => {
      const cut = content.subarray(0, at % content.length)
      return kinds(cut).every((found) => found === kind)
    }),
  )
})
