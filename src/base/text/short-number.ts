/** No vowels, so that no number is a word. A place is for letters or for digits alone: O and 0, I and 1 are not mistaken. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const LETTER_COUNT = 4
const DIGITS_MAX = 10_000
/** Hex digits at the end of an id that are random. */
const RANDOM_DIGITS = 11

/** The short number of a message: between its two halves, people write a hyphen, spaces or nothing, and mail programs some other dash. */
const SHORT =
  /(?<![\w.-])([bcdfghj-np-tvwxz]{4})(?:\s?[-\u2010-\u2015]\s?|\s)?([0-9]{4})(?![\w-])/gi

/** The short number of a message as it is dictated: letter by letter, and the digits one by one or in pairs. */
const DICTATED =
  /(?<![\w.-])([bcdfghj-np-tvwxz]{4}|[bcdfghj-np-tvwxz](?:\s[bcdfghj-np-tvwxz]){3})\s?[-\u2010-\u2015]?\s?(\d{4}|\d\d\s\d\d|\d(?:\s\d){3})(?![\w-])/gi

/**
 * Returns the short number of a message in quarantine, such as `BKTX-4821`, which people can dictate on the phone. It follows
 * from the id. Among 20,000 messages, two have the same one with a probability of 1 in 9.
 */
export function shortNumber(id: string): string {
  let rest = Number.parseInt(id.slice(-RANDOM_DIGITS), 16)
  const digits = String(rest % DIGITS_MAX).padStart(4, '0')
  rest = Math.floor(rest / DIGITS_MAX)
  let letters = ''
  for (let n = 0; n < LETTER_COUNT; n++) {
    letters += LETTERS[rest % LETTERS.length]
    rest = Math.floor(rest / LETTERS.length)
  }
  return `${letters}-${digits}`
}

/** Returns a text in which each number that was written as it was dictated, such as `b k t x 48 21`, is whole. */
export const withWholeNumbers = (text: string): string =>
  text.replace(DICTATED, (written, letters: string, digits: string) =>
    letters.length + digits.length === LETTER_COUNT * 2
      ? written
      : `${letters}-${digits}`.replace(/\s/g, ''),
  )

/** Returns the short numbers in a text, as shortNumber() writes them. People may write small letters, and another sign or none in place of the hyphen. */
export const shortNumbersIn = (text: string): readonly string[] =>
  Array.from(text.matchAll(SHORT), ([, letters = '', digits]) => `${letters.toUpperCase()}-${digits}`) // biome-ignore format: a line
