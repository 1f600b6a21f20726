import { errorCode, errorText, Fault } from '../../../../base/errors/fault.ts'
import { codeInWords } from '../../../../base/errors/system-error.ts'
import { readForeignFile } from '../../../../base/path/open.ts'
import type { BannedBy } from '../../../../base/settings/table/banned-attachments.ts'
import { compileGlob } from '../../../../base/text/glob.ts'
import { REPLACED } from '../../../../base/text/values.ts'
import type { Bytes } from '../../../../mail/message/bytes.ts'

/**
 * The names, types and contents that BADATTACHMENTS bans, by patterns of names or by a control file. A
 * control file is UTF-8 and has one rule a line. `#` in column 1 begins a comment:
 *
 *     name *.exe                 a file name, in any letter case; * and ? as in sh
 *     name invoice ??.doc        blanks inside a pattern count
 *     type application/x-ms*     a MIME type
 *     content executable         content that begins like a program, whatever its name; or another kind of
 *                                content
 */
export interface AttachmentRules {
  /** The patterns of names, unchanged. */
  readonly names: readonly string[]
  readonly bansName: (name: string) => boolean
  readonly bansType: (type: string) => boolean
  readonly kinds: ReadonlySet<ContentKind>
}

/**
 * Reads the rules. Throws a Fault of kind `config` if the control file cannot be read, has an invalid line,
 * or has no rule at all. Without rules, the plugin would find everything clean.
 */
export function readAttachmentRules(by: BannedBy): AttachmentRules {
  return 'file' in by ? readRuleFile(by.file) : rulesOf(by.names, [], [])
}

function readRuleFile(file: string): AttachmentRules {
  let text: string
  try {
    text = readForeignFile(file).toString('utf8')
  } catch (error) {
    const reason = codeInWords(errorCode(error)) || errorText(error)
    const remedy = 'add rules there, or set names, as in BADATTACHMENTS="*.exe *.scr"'
    throw new Fault('config', `BADATTACHMENTS ${file}: cannot be read (${reason}); ${remedy}`)
  }
  const names: string[] = []
  const types: string[] = []
  const kinds: ContentKind[] = []

  for (const [at, line] of text.split('\n').entries()) {
    if (line.startsWith('#') || line.trim() === '') continue
    const [, rule, pattern = ''] = /^([a-z]+)[ \t]+(.*)$/.exec(line.trim()) ?? []
    if (line.includes(REPLACED)) {
      throw new Fault('config', `BADATTACHMENTS ${file}: line ${at + 1} must be in UTF-8`)
    }
    const kind = CONTENT_KINDS.find((known) => known === pattern)
    if (rule === 'name') names.push(pattern)
    else if (rule === 'type') types.push(pattern)
    else if (rule === 'content' && kind !== undefined) kinds.push(kind)
    else {
      const expected = `name PATTERN, type PATTERN or content ${CONTENT_KINDS.join('|')}`
      throw new Fault('config', `BADATTACHMENTS ${file}: line ${at + 1} must be ${expected}`)
    }
  }
  if (names.length + types.length + kinds.length === 0) {
    throw new Fault('config', `BADATTACHMENTS ${file}: contains no rule; add one`)
  }
  return rulesOf(names, types, kinds)
}

function rulesOf(
  names: readonly string[],
  types: readonly string[],
  contentKinds: readonly ContentKind[],
): AttachmentRules {
  return { names, bansName: anyOf(names), bansType: anyOf(types), kinds: new Set(contentKinds) }
}

function anyOf(patterns: readonly string[]): (text: string) => boolean {
  const tests = patterns.map((pattern) => compileGlob(pattern.normalize(), '*?'))
  return (text) => tests.some((test) => test(text))
}

/** Bytes from the start of a content that are looked at for most kinds. */
const START_LENGTH = 4096

/** The offset of the volume descriptor of ISO 9660 or UDF (ECMA-119 6.2.1, ECMA-167 2/8.3.1). */
const VOLUME_AT = 32_769
/** Bytes of the footer of a fixed VHD, and of the trailer of a DMG. */
const FOOTER = 512

/** Recognizes a kind of content by its first bytes, which `content` also contains. */
type Test = (start: Buffer, content: Bytes) => boolean

/**
 * The kinds of content that can be banned. Those of files that open or run something as soon as a person
 * clicks at them.
 */
const kinds = {
  /** A program for Windows, Unix, macOS or Java. */
  executable: isExecutable,
  /** A shortcut of Windows to a file ([MS-SHLLINK] 2.1) or to an address (.url). */
  shortcut: (start) =>
    begins(start, '4c0000000114020000000000c000000000000046') ||
    /^(?:\ufeff|\xef\xbb\xbf)?\s*\[InternetShortcut\]/i.test(start.toString('latin1', 0, 256)),
  /** A disk that Windows or macOS opens like a folder: ISO 9660, UDF, VHD, VHDX, VMDK, DMG, or sectors. */
  'disk-image': isDiskImage,
  /** A section of OneNote ([MS-ONESTORE] 2.3.1). */
  onenote: (start) => begins(start, 'e4525c7b8cd8a74daeb15378d02996d3'),
  /** HTML that runs as a program (HTA). */
  'html-application': (start) => /<hta:application\b/i.test(start.toString('latin1')),
} as const satisfies Readonly<Record<string, Test>>

type ContentKind = keyof typeof kinds
const CONTENT_KINDS = Object.keys(kinds) as readonly ContentKind[]

export function kindsOf(content: Bytes): ContentKind[] {
  const start = content.gather(0, START_LENGTH)
  return CONTENT_KINDS.filter((kind) => kinds[kind](start, content))
}

const begins = (start: Buffer, hex: string) => start.toString('hex', 0, hex.length / 2) === hex

/**
 * The first four bytes of ELF, of Mach-O (32 and 64 bits, both byte orders, universal), and of a
 * Java class.
 */
const programs = new Set([0x7f454c46, 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe])

function isExecutable(start: Buffer): boolean {
  if (start.length < 4) return false
  if (programs.has(start.readUInt32BE(0))) return true
  // A text may begin with "MZ" as well. The header of a program contains zeros, which text does not.
  return start.toString('latin1', 0, 2) === 'MZ' && start.subarray(0, 64).includes(0)
}

function isDiskImage(start: Buffer, content: Bytes): boolean {
  const textAt = (at: number, length: number) =>
    at < 0 || content.size < at + length ? '' : content.gather(at, at + length).toString('latin1')
  return (
    /^(?:vhdxfile|conectix|KDMV)/.test(start.toString('latin1', 0, 8)) ||
    /^(?:CD001|BEA01|NSR0[23])$/.test(textAt(VOLUME_AT, 5)) ||
    textAt(content.size - FOOTER, 8) === 'conectix' ||
    textAt(content.size - FOOTER, 4) === 'koly' ||
    isBootSector(start)
  )
}

/**
 * Returns whether it begins with a boot sector of FAT or NTFS, or with a table of partitions that have one.
 */
function isBootSector(start: Buffer): boolean {
  if (start.length < 512 || start.readUInt16BE(510) !== 0x55aa) return false
  if (/^(?:NTFS {4}|FAT1|FAT32)/.test(start.toString('latin1', 3, 11))) return true
  if (/^FAT(?:12|16|32) /.test(start.toString('latin1', 54, 60))) return true
  if (/^FAT32 /.test(start.toString('latin1', 82, 88))) return true
  const first = start.subarray(446, 462)
  const isActive = first[0] === 0 || first[0] === 0x80
  return isActive && first[4] !== 0 && first.readUInt32LE(8) > 0 && first.readUInt32LE(12) > 0
}
