import { type Field, readingsOf } from './fields.ts'

/** The encodings of content. `identity` is content that is not encoded. */
export type Encoding = 'identity' | 'base64' | 'quoted-printable' | 'uuencode'

const WORDS: ReadonlyMap<string, Encoding> = new Map([
  ['7bit', 'identity'],
  ['8bit', 'identity'],
  ['binary', 'identity'],
  ['base64', 'base64'],
  ['quoted-printable', 'quoted-printable'],
])
/**
 * Readers that do not know one of these words do not decode the content. Without the `x-`, the words are
 * unknown to uudeview, which then tries base64 as well.
 */
const UUENCODE_WORDS: ReadonlySet<string> = new Set(['x-uuencode', 'x-uue'])

/** Returns whether each value is a word of RFC 2045, possibly with blanks around it. */
export function areAllKnown(values: readonly string[]): boolean {
  return values.every((value) => WORDS.has(value.trim().toLowerCase()))
}

/**
 * Returns the encodings that some reader may decode the content with. `values` are those of all encoding
 * fields; `isPlain` means that readers agree about the fields. If one plain field contains a known word alone,
 * that word selects the encodings. Otherwise `identity` and all encodings are returned that lines mention
 * which may be about them.
 */
export function encodingsIn(
  fields: readonly Field[],
  values: readonly string[],
  isPlain: boolean,
): readonly Encoding[] {
  const [first] = values
  if (isPlain && first === undefined) return ['identity']
  // A word with blanks after it is unknown to some readers.
  const word = values.length === 1 && isPlain ? first!.toLowerCase() : ''
  const only = WORDS.get(word)
  if (only) return [only]
  if (UUENCODE_WORDS.has(word)) return ['identity', 'uuencode']
  const about = fields.filter(({ name }) => name === '' || /content|encod/.test(name))
  const lines = about.map(({ name, value }) => `${name}:${value}`).join('\n')
  const text = lettersOf(readingsOf(lines).join('\n'))
  // GNU mailutils recognizes the letters of RFC 2047.
  const letters = values.map(lettersOf)
  const mentioned: Encoding[] = [
    ...(text.includes('b64') || text.includes('base64') || letters.includes('b')
      ? (['base64'] as const)
      : []),
    ...(text.includes('quoted') || text.includes('printable') || letters.includes('q')
      ? (['quoted-printable'] as const)
      : []),
    ...(/uu(?:e|code)/.test(text) ? (['uuencode'] as const) : []),
  ]
  return ['identity', ...mentioned]
}

/** Returns the letters and digits of a text. Some readers skip all other characters. */
function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '')
}
