import { decodeWords } from '../../message/encoded-words.ts'

/** The encodings of content. `identity` stands for content that is not encoded. */
export type Encoding = 'identity' | 'base64' | 'quoted-printable' | 'uuencode'

const WORDS: ReadonlyMap<string, Encoding> = new Map([
  ['7bit', 'identity'],
  ['8bit', 'identity'],
  ['binary', 'identity'],
  ['base64', 'base64'],
  ['quoted-printable', 'quoted-printable'],
])
/**
 * Readers that do not know one of these words take the content as it stands. Without the `x-`, the
 * words are unknown to uudeview, which then tries base64 as well.
 */
const UUENCODE_WORDS: ReadonlySet<string> = new Set(['x-uuencode', 'x-uue'])

/** Returns whether each value is a word of RFC 2045. Blanks may stand around it. */
export function areAllKnown(values: readonly string[]): boolean {
  return values.every((value) => WORDS.has(value.trim().toLowerCase()))
}

/**
 * Returns the encodings by which some reader may decode the content. `values` are those of all
 * encoding fields; `isPlain` says that readers agree about the fields; `header` is all that the
 * header says about content. A word that readers know, alone in one plain field, says
 * which encodings there are. If none does, `identity` and all encodings that the header mentions are
 * returned.
 */
export function encodingsOf(
  values: readonly string[],
  isPlain: boolean,
  header: string,
): readonly Encoding[] {
  const [first] = values
  if (isPlain && first === undefined) return ['identity']
  // A word with blanks after it is unknown to some readers.
  const word = values.length === 1 && isPlain ? first!.toLowerCase() : ''
  const only = WORDS.get(word)
  if (only) return [only]
  if (UUENCODE_WORDS.has(word)) return ['identity', 'uuencode']
  const text = lettersOf(header)
  // GNU mailutils knows the letters of RFC 2047.
  const hasLetter = (letter: string) => values.some((value) => lettersOf(value) === letter)
  const mentioned: Encoding[] = [
    ...(text.includes('b64') || text.includes('base64') || hasLetter('b')
      ? (['base64'] as const)
      : []),
    ...(text.includes('quoted') || text.includes('printable') || hasLetter('q')
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
  const all = header.includes('=?') ? `${header}\n${decodeWords(header)}` : header
  return all.toLowerCase().replace(/[^a-z0-9]/g, '')
}
