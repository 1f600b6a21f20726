import {
  BUFFER_SIZE,
  type Codec,
  type MakeDecoder,
} from '../../../../src/mail/mime/decoders/decoder.ts'
import { EveryHabit, type Feature, Habits } from '../../../../src/mail/mime/habits/habits.ts'

/** What a decoder makes of a text (latin1) that comes in pieces, which end at these places. */
export function decode(make: MakeDecoder, text: string, cuts: readonly number[] = []): string {
  const bytes = Buffer.from(`#${text}#`, 'latin1') // the bytes around the text do not belong to it
  let result = ''
  const decoder = make((given, length) => {
    if (length === 0) throw new Error('a decoder gave nothing')
    result += given.toString('latin1', 0, length)
  }, Buffer.alloc(BUFFER_SIZE))
  let from = 0
  for (const cut of [...cuts, text.length]) {
    decoder.push(bytes, 1 + from, 1 + cut)
    from = cut
  }
  decoder.end()
  return result
}

/** What a decoder makes of a text that comes in two pieces, cut at each place, and byte by byte. */
export function inEverySplit(make: MakeDecoder, text: string): string {
  return theSame(text, (cuts) => decode(make, text, cuts))
}

/** What readers decode a text to, by their choices in words; `common` is what the common ones make. */
export type Ways = Readonly<Record<string, string>>

/** What readers with each set of habits that makes a difference make of a text, in every split of it. */
export function ways(codec: Codec, text: string): Ways {
  return theSame(text, (cuts) => {
    const found: [string, string][] = []
    const every = new EveryHabit({ readings: 1000 })
    for (let habits = every.next(); habits; habits = every.next()) {
      const those = habits
      const words = Array.from(habits.choices.keys(), (habit) => `${habit} ${those.wouldDo(habit)}`)
      found.push([words.sort().join(', ') || 'common', decode(codec(habits), text, cuts)])
    }
    return Object.fromEntries(found.sort()) // a split may change which feature is met first
  })
}

/** The features of a text that readers decode differently, as those with common habits find them. */
export function featuresOf(
  codec: Codec,
  text: string,
  cuts: readonly number[] = [],
): readonly Feature[] {
  const habits = new Habits()
  decode(codec(habits), text, cuts)
  return [...habits.asked]
}

function theSame<Result>(text: string, decodeIn: (cuts: readonly number[]) => Result): Result {
  const whole = decodeIn([])
  const every = Array.from({ length: text.length }, (_, at) => at)
  for (const cuts of [...every.map((at) => [at]), every]) {
    const other = JSON.stringify(decodeIn(cuts))
    if (other !== JSON.stringify(whole)) throw new Error(`${text} at ${cuts}: ${other}`)
  }
  return whole
}
