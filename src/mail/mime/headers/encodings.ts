import { type Field, readingsOf } from './fields.ts'

interface EncodingWords {
  readonly encoding: string
  /** The words of RFC 2045: a field with one of them alone selects the encoding, to all programs. */
  readonly words?: readonly string[]
  /** Words that programs that do not know them ignore: they do not decode the content. */
  readonly optional?: readonly string[]
  /** What some programs look for anywhere in a line about the encoding, among letters and digits alone. */
  readonly mentions?: RegExp
  /** A word of one program: GNU mailutils accepts the letters of RFC 2047, and Email::MIME accepts `qp`. */
  readonly short?: readonly string[]
}

/** `identity` is content that is not encoded. */
const encodingWords = [
  { encoding: 'identity', words: ['7bit', '8bit', 'binary'] },
  { encoding: 'base64', words: ['base64'], mentions: /b64|base64/, short: ['b'] },
  {
    encoding: 'quoted-printable',
    words: ['quoted-printable'],
    mentions: /quoted|printable/,
    short: ['q', 'qp'],
  },
  // Without the `x-`, the words are unknown to uudeview, which then tries base64 as well.
  { encoding: 'uuencode', optional: ['x-uuencode', 'x-uue'], mentions: /uu(?:e|code)|xuu/ },
] as const satisfies readonly EncodingWords[]

/** The encodings of content. */
export type Encoding = (typeof encodingWords)[number]['encoding']

const table: readonly (EncodingWords & { readonly encoding: Encoding })[] = encodingWords

/** Returns whether each value is a word of RFC 2045, possibly with blanks around it. */
export function areAllKnown(values: readonly string[]): boolean {
  return values.every((value) => encodingOfWord(value.trim().toLowerCase()) !== undefined)
}

function encodingOfWord(word: string): Encoding | undefined {
  return table.find(({ words }) => words?.includes(word))?.encoding
}

/**
 * Returns the encodings that some program may decode the content with. `values` are those of all encoding
 * fields; `areAgreed` means that programs agree about the fields. If one such field contains a known word alone,
 * that word selects the encodings. Otherwise `identity` and all encodings are returned that lines mention
 * which may be about them.
 */
export function encodingsIn(
  fields: readonly Field[],
  values: readonly string[],
  areAgreed: boolean,
): readonly Encoding[] {
  const [first] = values
  if (areAgreed && first === undefined) return ['identity']
  // A word with blanks after it is unknown to some programs.
  const word = values.length === 1 && areAgreed ? first!.toLowerCase() : ''
  const only = encodingOfWord(word)
  if (only) return [only]
  const entry = table.find(({ optional }) => optional?.includes(word))
  if (entry) return ['identity', entry.encoding]
  const about = fields.filter(({ name }) => name === '' || /content|encod/.test(name))
  const lines = about.map(({ name, value }) => `${name}:${value}`).join('\n')
  const text = lettersOf(readingsOf(lines).join('\n'))
  const letters = values.map(lettersOf)
  const mentioned = table.filter(
    ({ mentions, short }) => mentions?.test(text) || short?.some((form) => letters.includes(form)),
  )
  return ['identity', ...mentioned.map(({ encoding }) => encoding)]
}

/** Returns the letters and digits of a text. Some programs skip all other characters. */
function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '')
}
