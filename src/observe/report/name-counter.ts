import type { NameCount } from './summary.ts'

/** The most different values that are counted at a time. */
export const NAMES_MAX = 20_000
/** How many of the most frequent values stay when new values need room. */
const STAY = NAMES_MAX / 2
const OTHERS = '(others)'

/** Counts values in bytes, without making a text of each. */
export interface NameCounter {
  count(bytes: Buffer, start: number, end: number): void
  /**
   * Returns the most frequent values, the first one first, in latin1 as they stand in the bytes.
   * The values that were dropped to make room are summed up as `(others)`.
   */
  top(most: number): NameCount[]
}

/**
 * Makes a counter whose memory does not grow with the number of values, and which is right about
 * the frequent values whatever came before them (space saving; Metwally, Agrawal and El Abbadi,
 * 2005). If there is no room, the rarer half is dropped. A value that is new from then on may have
 * come before as often as the most frequent of those. That is at most one in STAY of all values
 * that were counted.
 */
export function createNameCounter(): NameCounter {
  let names: string[] = []
  let counts: number[] = []
  let misses: number[] = []
  let hashes: number[] = []
  /**
   * A hash table of index + 1 in the arrays above. If the place of a hash is taken, the next one is
   * tried. At least half of the table is empty.
   */
  let places = new Int32Array(1024)
  /** How often a value that is not among the names may have come before. */
  let floor = 0
  let others = 0

  const freePlace = (hash: number) => {
    let place = placeOf(hash)
    while (places[place] !== 0) place = (place + 1) & (places.length - 1)
    return place
  }

  function placeOf(hash: number): number {
    return (hash ^ (hash >>> 15)) & (places.length - 1)
  }

  function findPlaces(size: number): void {
    places = new Int32Array(size)
    for (const [index, hash] of hashes.entries()) places[freePlace(hash)] = index + 1
  }

  function makeRoom(): void {
    const most = (index: number) => counts[index]! + misses[index]!
    const order = names.map((_, index) => index).sort((index, other) => most(other) - most(index))
    const stay = order.slice(0, STAY)
    floor = Math.max(floor, most(order[STAY]!))
    for (const index of order.slice(STAY)) others += counts[index]!
    const kept = <Value>(values: readonly Value[]) => stay.map((index) => values[index]!)
    names = kept(names)
    counts = kept(counts)
    misses = kept(misses)
    hashes = kept(hashes)
    findPlaces(places.length)
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
        makeRoom()
        place = freePlace(hash)
      }
      names.push(bytes.toString('latin1', start, end))
      counts.push(1)
      misses.push(floor)
      places[place] = hashes.push(hash)
      if (names.length * 2 > places.length) findPlaces(places.length * 4)
    },
    top(most) {
      const all = names.map((name, index) => {
        return { name, count: counts[index]!, missed: misses[index]! }
      })
      all.sort(
        (counted, other) => other.count - counted.count || (counted.name < other.name ? -1 : 1),
      )
      const shown = all.slice(0, most)
      return others > 0 ? [...shown, { name: OTHERS, count: others, missed: 0 }] : shown
    },
  }
}

function isText(name: string, bytes: Buffer, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let at = start; at < end; at++) if (name.charCodeAt(at - start) !== bytes[at]) return false
  return true
}
