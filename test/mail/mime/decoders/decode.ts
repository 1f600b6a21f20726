import type { Codec, Decode } from '../../../../src/mail/mime/decoders/decoder.ts'
import { EveryHabit, type Feature, Habits } from '../../../../src/mail/mime/habits/habits.ts'
import { MemoryPool, Store } from '../../../../src/mail/mime/storage/store.ts'

/** What a decoder makes of a text (latin1). */
export function decode(decoder: Decode, text: string): string {
  const pool = new MemoryPool(() => {
    throw new Error('a text that needs a file')
  }, 0)
  const store = new Store(pool)
  for (const _ of decoder(Buffer.from(text, 'latin1'), store));
  const decoded = store.finish().toString('latin1')
  store.close()
  if (pool.used > 0) throw new Error(`${pool.used} bytes of memory are left`)
  return decoded
}

/** What readers decode a text to, by their choices in words; `common` is what the common ones make. */
export type Ways = Readonly<Record<string, string>>

/** What readers with each set of habits that makes a difference make of a text. */
export function ways(codec: Codec, text: string): Ways {
  const found: [string, string][] = []
  const every = new EveryHabit(1000)
  for (let habits = every.next(); habits; habits = every.next()) {
    const those = habits
    const words = Array.from(habits.choices.keys(), (habit) => `${habit} ${those.wouldDo(habit)}`)
    found.push([words.sort().join(', ') || 'common', decode(codec(habits), text)])
  }
  return Object.fromEntries(found.sort())
}

/** The features of a text that readers decode differently, as those with common habits find them. */
export function featuresOf(codec: Codec, text: string): readonly Feature[] {
  const habits = new Habits()
  decode(codec(habits), text)
  return [...habits.asked]
}
