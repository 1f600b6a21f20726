/** Numbers that look random and are the same for the same seed (mulberry32). */
export interface Random {
  /** A whole number of at least 0 and less than `end`. */
  below(end: number): number
  /** A number of at least 0 and less than 1. */
  fraction(): number
  pick<Item>(items: readonly Item[]): Item
  /** True once in this many times. */
  once(times: number): boolean
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  for (let at = 0; at < 8; at++) next()
  const below = (end: number) => next() % end
  return {
    below,
    fraction: () => next() / 2 ** 32,
    pick: (items) => items[below(items.length)]!,
    once: (times) => below(times) === 0,
  }
}
