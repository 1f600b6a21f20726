import { unbracketed } from './bracketed.ts'

/** The number of a message in quarantine, wherever it is in a text. */
const NUMBER = /(?<![\w.])\d{1,12}\.[0-9a-f]{16}(?![\w.])/g

/**
 * Returns the words of a search in lower case, each as it was typed and, if it was copied from a digest, a mail or from between
 * quotation marks, as it is in the message. Words between straight ones are one. A text with numbers of messages, such as the subject of a request, is a search for
 * these.
 */
export function searchWords(text: string): readonly (readonly string[])[] {
  const lower = text.toLowerCase()
  const numbers = lower.match(NUMBER)
  if (numbers !== null) return numbers.map((number) => [number])
  const words = lower.replace(/^\s*subject:/, '').match(/"[^"]+"|\S+/g)
  return (words ?? []).map(asTyped)
}

const asTyped = (word: string): readonly string[] => {
  const copied = unbracketed(word.replace(/^[<("'“„«‘]+|(?<![>)"'”“»’,;])[>)"'”“»’,;]+$/g, ''))
  return copied === word ? [word] : copied === '' ? [] : [word, copied]
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
  for (const forms of [...searchWords(search), ...searchWords(recipient)]) {
    const isExact = (address: string) => forms.some((word) => word === address || address.startsWith(`${word}@`)) // biome-ignore format: a line
    const isPart = (address: string) => forms.some((word) => address.includes(word))
    const fits = all.some(isExact) ? isExact : isPart
    const fitting = all.flatMap((address, at) => (fits(address) ? [at] : []))
    if (fitting.length < all.length) for (const at of fitting) sought.add(at)
  }
  return recipients.filter((_, at) => sought.has(at))
}
