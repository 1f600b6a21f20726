import { decodeWords } from '../message/encoded-words.ts'

/** Ways in which content is encoded. */
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
 * One encoding if all readers must take the same; else all that the header speaks of, and if it
 * speaks of one that nobody knows, every one.
 */
export function encodingsOf(
  values: readonly string[],
  isPlain: boolean,
  said: string,
): readonly Encoding[] {
  const [first] = values
  if (isPlain && first === undefined) return ['identity']
  // Blanks behind the word make another of it to some.
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

/** What is left of a text, and of its encoded words, where readers drop what they do not know. */
function lettersOf(said: string): string {
  const all = said.includes('=?') ? `${said}\n${decodeWords(said).toLowerCase()}` : said
  return all.replace(/[^a-z0-9]/g, '')
}
