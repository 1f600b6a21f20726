import { decodeWords } from '../message/encoded-words.ts'

/** The encodings of content. `identity` stands for content that is not encoded. */
export type Encoding = 'identity' | 'base64' | 'quoted-printable' | 'uuencode'

const WORDS: ReadonlyMap<string, Encoding> = new Map([
  ['7bit', 'identity'],
  ['8bit', 'identity'],
  ['binary', 'identity'],
  ['base64', 'base64'],
  ['quoted-printable', 'quoted-printable'],
])
const ALL: readonly Encoding[] = ['identity', 'base64', 'quoted-printable', 'uuencode']

/**
 * Returns the encodings by which some reader may decode the content. `values` are those of all
 * encoding fields; `isPlain` says that readers agree about the fields; `header` is all that the
 * header says about content, in lower case. If all readers must agree, there is one encoding. If
 * not, `identity` and all encodings that the header mentions are returned. If a value is a word that
 * nobody knows, all four are.
 */
export function encodingsOf(
  values: readonly string[],
  isPlain: boolean,
  header: string,
): readonly Encoding[] {
  const [first] = values
  if (isPlain && first === undefined) return ['identity']
  // A word with blanks behind it is unknown to some readers.
  const only = values.length === 1 && isPlain ? WORDS.get(first!.toLowerCase()) : undefined
  if (only) return [only]
  const words = values.map((value) => value.trim().toLowerCase())
  if (words.some((word) => word !== '' && !WORDS.has(word))) return ALL
  const text = lettersOf(header)
  const mentioned: Encoding[] = [
    ...(text.includes('b64') || text.includes('base64') ? (['base64'] as const) : []),
    ...(text.includes('quoted') || text.includes('printable')
      ? (['quoted-printable'] as const)
      : []),
    ...(/uu(?:e|code)/.test(text) ? (['uuencode'] as const) : []),
  ]
  return ['identity', ...mentioned]
}

/**
 * Returns the letters and digits of a text and of its encoded words. Some readers skip all other
 * characters.
 */
function lettersOf(header: string): string {
  const all = header.includes('=?') ? `${header}\n${decodeWords(header).toLowerCase()}` : header
  return all.replace(/[^a-z0-9]/g, '')
}
