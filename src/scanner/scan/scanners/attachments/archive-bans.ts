import iconv from 'iconv-lite'
import { Fault } from '../../../../base/errors/fault.ts'
import {
  banName,
  distinctRules,
  LONG_NAME,
  listFingerprint,
  listName,
  probeName,
} from './ban-names.ts'

/** Upper limit, in bytes, for a line that libclamav reads (FILEBUFF in readdb.c). */
const LINE_MAX = 8191

/** Code pages in which archivers without UTF-8 write names. */
const CODE_PAGES = [
  ...['cp437', 'cp850', 'cp852', 'cp866', 'win1250', 'win1251', 'win1252', 'win1253', 'koi8-r'],
  ...['shiftjis', 'gbk', 'big5', 'euckr'],
]

/**
 * The bytes at which libclamav 1.4 cuts a name (unzip.c, untar.c: of GNU's and pax's long names it has the
 * first).
 */
const CUT_AT = { CL_TYPE_ZIP: 255, CL_TYPE_POSIX_TAR: 100, CL_TYPE_OLD_TAR: 100 }

/** Characters that programs show as a dot or treat as one: FULL WIDTH, SMALL, IDEOGRAPHIC, ONE DOT LEADER. */
const DOTS = ['.', '．', '﹒', '。', '․']

/**
 * Returns signatures that make ClamAV match names in archives, for patterns of names (`*` and `?` as in sh, in
 * any letter case). The format is .cdb (ClamAV's documentation, "Signatures based on container metadata"). A
 * pattern is compared with the last part of a path, without the trailing dots and blanks that Windows drops.
 * Throws a Fault of kind `config` for a pattern that is too long for ClamAV.
 */
export function archiveSignatures(patterns: readonly string[]): string {
  const fingerprint = listFingerprint(patterns)
  const lines = [
    '# Names that onescan bans inside archives, for ClamAV. Written by "onescan bans".',
    signature(listName(fingerprint), probeName(fingerprint)),
    ...Object.entries(CUT_AT).map(([container, bytes]) =>
      signature(LONG_NAME, `^.{${bytes}}`, container),
    ),
    ...distinctRules(patterns).map((rule) => signature(banName(rule), expression(rule))),
  ]
  const tooLong = lines.findIndex((line) => Buffer.byteLength(line, 'latin1') > LINE_MAX)
  if (tooLong < 0) return `${lines.join('\n')}\n`
  const pattern = distinctRules(patterns).at(tooLong - lines.length)!
  throw new Fault('config', `name ${pattern}: is too long for ClamAV; write a shorter one`)
}

/** A line of a .cdb: containers of any size, and names that match. All of it in latin1. */
function signature(name: string, named: string, container = '*'): string {
  return `${name}:${container}:*:${named}:*:*:*:*:*:*`
}

/**
 * Returns the pattern as an extended regular expression over the bytes of a name (libclamav/regex).
 * Consecutive stars become one, so that the time is linear in the length of the name.
 */
function expression(pattern: string): string {
  const wanted = [...pattern.replace(/\*+/g, '*')].map(expressionOf).join('')
  return `(?i)(^|[/\\\\])${wanted}[. ]*$`
}

function expressionOf(character: string): string {
  if (character === '*') return '.*'
  // One character of UTF-8, or of a code page.
  if (character === '?') return '([\xc2-\xf4][\x80-\xbf]+|.)'
  if (DOTS.includes(character)) return anyOf(DOTS.map((dot) => inUtf8(dot)))
  return anyOf(spellingsOf(character))
}

/** Returns the bytes of a character as latin1: in both cases, composed or not, in UTF-8 and in code pages. */
function spellingsOf(character: string): string[] {
  if (/[\0-\x7f]/.test(character)) return [character] // the expression ignores the case of these
  const found = new Set<string>()
  for (const text of [character.toLowerCase(), character.toUpperCase()]) {
    for (const form of ['NFC', 'NFD']) found.add(inUtf8(text.normalize(form)))
    for (const page of CODE_PAGES) {
      const bytes = iconv.encode(text, page)
      if (iconv.decode(bytes, page) === text) found.add(bytes.toString('latin1'))
    }
  }
  return [...found]
}

const inUtf8 = (text: string) => Buffer.from(text).toString('latin1')

function anyOf(spellings: readonly string[]): string {
  const literal = spellings.map((text) => text.replace(/[\\^$.[\]|()?*+{}]/g, '\\$&'))
  // A colon would end the field, and no name on Windows contains one. A line end would end the signature.
  const fitting = literal.map((text) => text.replace(/[:\r\n\0]/g, '.'))
  return fitting.length === 1 ? fitting[0]! : `(${fitting.join('|')})`
}
