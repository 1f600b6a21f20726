import type { Decoder } from '../../../../src/mail/mime/decoders/decoder.ts'
import { eachWay, type QuirkName, Way } from '../../../../src/mail/mime/quirks/way.ts'
import { MemoryPool } from '../../../../src/mail/mime/storage/memory-pool.ts'
import { Store } from '../../../../src/mail/mime/storage/store.ts'

/** What a decoder makes of a text (latin1). */
export function decode(decoder: Decoder, text: string, way = new Way()): string {
  return decodeBytes(decoder, Buffer.from(text, 'latin1'), way)
}

/** What a decoder makes of bytes, as latin1. */
export function decodeBytes(decoder: Decoder, bytes: Buffer, way: Way): string {
  const pool = new MemoryPool(() => {
    throw new Error('a text that needs a file')
  }, 0)
  const store = new Store(pool)
  for (const _ of decoder(bytes, store, way));
  const decoded = store.finish().toString('latin1')
  store.close()
  if (pool.used > 0) throw new Error(`${pool.used} bytes of memory are left`)
  return decoded
}

/** What readers decode a text to, by their choices in words; `common` is what the common ones make. */
export type Ways = Readonly<Record<string, string>>

/** What readers with each way that makes a difference make of a text. */
export function ways(decoder: Decoder, text: string): Ways {
  const found: [string, string][] = []
  for (const way of eachWay()) {
    const words = Array.from(way.choices.keys(), (quirk) => `${quirk} ${way.peek(quirk)}`)
    found.push([words.sort().join(', ') || 'common', decode(decoder, text, way)])
  }
  return Object.fromEntries(found.sort())
}

/** The quirks of a text that readers decode differently, as the common way meets them. */
export function quirksOf(decoder: Decoder, text: string): readonly QuirkName[] {
  const way = new Way()
  decode(decoder, text, way)
  return [...way.met]
}
