/** Pseudorandom numbers, which are the same for the same seed (mulberry32). */
export interface Random {
  /** Returns an integer from 0 to below `end`. */
  below(end: number): number
  /** Returns a number from 0 to below 1. */
  fraction(): number
  pick<Item>(items: readonly Item[]): Item
  /** Returns true with the probability 1 in this number. */
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
