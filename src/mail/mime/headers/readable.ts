import { isUtf8 } from 'node:buffer'
import { REPLACED } from '../../../base/text/values.ts'
import { decodeEscapes, decodeQ, readingsOfBase64 } from '../../message/escapes.ts'
import { isAsciiOrUtf8, normalizedCharset, textsIn } from '../decoders/charsets.ts'

/** An encoded word (RFC 2047). Many programs write blanks and question marks into its text. */
const WORD = /=\?([^?\s]{0,100})\?([BbQq])\?(.{0,1000}?)\?=(?=[^?]|$)/gs

/**
 * Returns what a person reads in the value of a header field, latin1 and folded: encoded words in their character sets.
 * Bytes outside words are UTF-8 or, if they are not, in the set `outer`, as the message names one elsewhere. For scanners,
 * which need every reading of a text, see name-words.ts.
 */
export function readableText(raw: string, outer?: string): string {
  const text = raw.replace(/\r?\n/g, '').trim()
  let read = ''
  let [from, run] = [0, { charset: '', bytes: '' }]
  const endRun = () => {
    read += textInCharset(run.bytes, run.charset, outer)
    run = { charset: '', bytes: '' }
  }
  for (const {
    0: word,
    1: charset = '',
    2: encoding = '',
    3: encoded = '',
    index,
  } of text.matchAll(WORD)) {
    const between = text.slice(from, index)
    // A character may be divided between words, and blanks between them are not text (RFC 2047 6.2).
    if (from === 0 || between.trim() !== '' || charset.toLowerCase() !== run.charset) endRun()
    if (from === 0 || between.trim() !== '') read += textInCharset(between, '', outer)
    const bytes = /b/i.test(encoding) ? readingsOfBase64(encoded)[0] : decodeQ(encoded)
    run = { charset: charset.toLowerCase(), bytes: run.bytes + bytes }
    from = index + word.length
  }
  endRun()
  return read + textInCharset(text.slice(from), '', outer)
}

/** What Windows writes under these names has more characters (WHATWG Encoding 4.2). */
const AS_WRITTEN: Readonly<Record<string, string>> = {
  iso88591: 'windows1252',
  latin1: 'windows1252',
  gb2312: 'gb18030',
}

/** Returns the text of bytes, latin1, in the set that is written for them or, if that is '', as readableText() reads them. */
export function textInCharset(latin1: string, written: string, outer?: string): string {
  if (written === '' && /^[\0-\x7f]*$/.test(latin1)) return latin1
  const bytes = Buffer.from(latin1, 'latin1')
  const named = [written, outer ?? '', 'iso-8859-1'].map((set) => normalizedCharset(set.split('*', 1)[0]!)) // biome-ignore format: a line
  const isNamed = written !== '' && !isAsciiOrUtf8(named[0]!)
  if (!isNamed && isUtf8(bytes)) return bytes.toString()
  for (const set of named) {
    if (set === '' || isAsciiOrUtf8(set)) continue
    const [text] = textsIn(AS_WRITTEN[set] ?? set, bytes)
    if (text !== undefined && (written !== '' || !text.includes(REPLACED))) return text
  }
  return bytes.toString()
}

/** Parameters in which mail programs write a file's name, in sections or with a character set (RFC 2231). */
const NAME = /;\s*((?:file)?name)(\*\d{1,3})?(\*)?\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;\s]*))/gis

/** Returns the file names in the value of a field as a person reads them. `outer` is that of readableText(). */
export function readableNames(raw: string, outer?: string): string[] {
  const sections = new Map<string, { hasStar: boolean; section: number; value: string }[]>()
  for (const [, name = '', section = '', star, quoted, plain = ''] of `;${raw}`.matchAll(NAME)) {
    const key = `${name.toLowerCase()}${section === '' && star === undefined ? '' : '*'}`
    const value = quoted?.replace(/\\(["\\])/g, '$1') ?? plain
    sections.set(key, [...(sections.get(key) ?? []), { hasStar: star !== undefined, section: Number(section.slice(1)), value }]) // biome-ignore format: a line
  }
  const names = [...sections.values()].map((found) => {
    const [first, ...others] = found.sort((one, other) => one.section - other.section)
    const [, set, text] = first!.hasStar ? (/^([^']*)'[^']*'(.*)$/s.exec(first!.value) ?? []) : []
    const whole = [{ ...first!, value: text ?? first!.value }, ...others]
      .map(({ hasStar, value }) => (hasStar ? decodeEscapes(value, '%') : value))
      .join('')
    return set === undefined ? readableText(whole, outer) : textInCharset(whole, set, outer)
  })
  return [...new Set(names)].filter((name) => name !== '')
}
