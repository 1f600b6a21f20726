import { unbracketed } from './bracketed.ts'
import { shortNumbersIn, withWholeNumbers } from './short-number.ts'

/** Upper limit, in characters, for a search. */
export const SEARCH_MAX = 500

/** The number of a message in quarantine, wherever it is in a text. */
const NUMBER = /(?<![\w.])\d{1,12}\.[0-9a-f]{16}(?![\w.])/g

const LONE_DASH = /^[-\u2010-\u2015]$/

/** A word in lower case: as it was typed and, if it was copied, as it is in the message. */
type Word = readonly string[]

/** What a search asks for: words that a message must have, and words of which it must have none. */
interface SearchWords {
  readonly wanted: readonly Word[]
  readonly unwanted: readonly Word[]
}

/**
 * Returns the words of a search. A word that was copied from a digest, a mail or from between quotation marks also has its form
 * in the message. Words between straight quotation marks are one. A minus sign makes the word behind it unwanted. A text with
 * numbers of messages, long or short, such as the subject of a request, is a search for any of these.
 */
export function searchWords(text: string): SearchWords {
  const lower = withWholeNumbers(text.toLowerCase().replace(/^\s*subject:/, ''))
  const words = lower.match(/-?"[^"]+"|\S+/g) ?? []
  const isUnwanted = (word: string) => /^-[^-]/.test(word)
  const wanted = words.filter((word) => !isUnwanted(word))
  const all = wanted.join(' ')
  const short = shortNumbersIn(all).map((number) => number.toLowerCase())
  // Without its hyphen, a short one may be a word, or two.
  const numbers = [...(all.match(NUMBER) ?? []), ...short.filter((number) => all.includes(number))]
  const halvesOf = (word: string) => short.filter((number) => LONE_DASH.test(word) || number.split('-').includes(word)) // biome-ignore format: a line
  const wantedForms = wanted.map((word) => [...asTyped(word), ...halvesOf(word)])
  return {
    wanted: numbers.length === 0 ? wantedForms : [numbers],
    unwanted: words.filter(isUnwanted).map((word) => asTyped(word.slice(1))),
  }
}

const asTyped = (word: string): Word => {
  const copied = unbracketed(word.replace(/^[<("'“„«‘]+|(?<![>)"'”“»’,;])[>)"'”“»’,;]+$/g, ''))
  const short = shortNumbersIn(word).map((number) => number.toLowerCase())
  return copied === '' ? [] : [...new Set([word, copied, ...short])]
}

/** What a search is for: words, and a part of the address of a recipient. */
export interface Sought {
  readonly search?: string | undefined
  readonly recipient?: string | undefined
}

/**
 * Returns the recipients whom a search names: those who are meant by a word that does not fit all of them, such as a domain. A
 * word that is an address, or its local part, means only these.
 */
export function soughtRecipients(
  recipients: readonly string[],
  { search = '', recipient = '' }: Sought,
): readonly string[] {
  const all = recipients.map((address) => address.toLowerCase())
  const sought = new Set<number>()
  for (const forms of [search, recipient].flatMap((text) => searchWords(text).wanted)) {
    const isExact = (address: string) => forms.some((word) => word === address || address.startsWith(`${word}@`)) // biome-ignore format: a line
    const isPart = (address: string) => forms.some((word) => address.includes(word))
    const fits = all.some(isExact) ? isExact : isPart
    const fitting = all.flatMap((address, at) => (fits(address) ? [at] : []))
    if (fitting.length < all.length) for (const at of fitting) sought.add(at)
  }
  return recipients.filter((_, at) => sought.has(at))
}
