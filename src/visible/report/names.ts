/** Different values that are counted by themselves; the rest are counted together. */
const NAMES_MAX = 20_000
const OTHERS = '(others)'

/** Counts values that stand in bytes, without making a text of each. */
export interface NameCounter {
  count(bytes: Buffer, start: number, end: number): void
  /** The most frequent first; texts as they stand in the bytes, latin1. */
  top(most: number): { readonly name: string; readonly count: number }[]
  readonly different: number
}

export function createNameCounter(): NameCounter {
  const names: string[] = []
  const counts: number[] = []
  /** Index + 1 by hash, with the next place tried where it is another's; always half empty. */
  let places = new Int32Array(1024)
  let hashes: number[] = []
  let others = 0

  function placeOf(hash: number): number {
    return (hash ^ (hash >>> 15)) & (places.length - 1)
  }

  function grow(): void {
    const old = hashes
    places = new Int32Array(places.length * 4)
    hashes = []
    for (const hash of old) {
      let place = placeOf(hash)
      while (places[place] !== 0) place = (place + 1) & (places.length - 1)
      places[place] = hashes.push(hash)
    }
  }

  return {
    count(bytes, start, end) {
      let hash = end - start
      for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
      let place = placeOf(hash)
      for (; places[place] !== 0; place = (place + 1) & (places.length - 1)) {
        const index = places[place]! - 1
        if (hashes[index] === hash && isText(names[index]!, bytes, start, end)) {
          counts[index]!++
          return
        }
      }
      if (names.length === NAMES_MAX) {
        others++
        return
      }
      names.push(bytes.toString('latin1', start, end))
      counts.push(1)
      places[place] = hashes.push(hash)
      if (names.length * 2 > places.length) grow()
    },
    top(most) {
      const all = names.map((name, index) => ({ name, count: counts[index]! }))
      all.sort((one, other) => other.count - one.count || (one.name < other.name ? -1 : 1))
      const shown = all.slice(0, most)
      return others > 0 ? [...shown, { name: OTHERS, count: others }] : shown
    },
    get different() {
      return names.length
    },
  }
}

function isText(name: string, bytes: Buffer, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let at = start; at < end; at++) if (name.charCodeAt(at - start) !== bytes[at]) return false
  return true
}
