import { decodeWords } from '../message/encoded-words.ts'

/** How content can be encoded. */
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
 * The encodings by which some reader may decode the content. One, if all readers must agree.
 * Otherwise all that the header mentions; and all four if it names one that nobody knows.
 */
export function encodingsOf(
  values: readonly string[],
  isPlain: boolean,
  said: string,
): readonly Encoding[] {
  const [first] = values
  if (isPlain && first === undefined) return ['identity']
  // To some readers the word is another one if blanks follow it.
  const only = values.length === 1 && isPlain ? WORDS.get(first!.toLowerCase()) : undefined
  if (only) return [only]
  const words = values.map((value) => value.trim().toLowerCase())
  if (words.some((word) => word !== '' && !WORDS.has(word))) return ALL
  const text = lettersOf(said)
  const spoken = [
    ...(text.includes('b64') || text.includes('base64') ? (['base64'] as const) : []),
    ...(text.includes('quoted') || text.includes('printable')
      ? (['quoted-printable'] as const)
      : []),
    ...(/uu(?:e|code)/.test(text) ? (['uuencode'] as const) : []),
  ]
  return ['identity', ...spoken]
}

/**
 * The letters and digits of a text and of its encoded words. Some readers skip all other
 * characters.
 */
function lettersOf(said: string): string {
  const all = said.includes('=?') ? `${said}\n${decodeWords(said).toLowerCase()}` : said
  return all.replace(/[^a-z0-9]/g, '')
}
