import { LRUCache } from 'lru-cache'

/** Milliseconds within which scans that went wrong are counted together. */
export const COUNTED_FOR = 24 * 3600 * 1000
/** Milliseconds for which a message is not scanned then. */
export const LEFT_ALONE_FOR = 3600 * 1000
/** Messages of which scans that went wrong are remembered. */
const MESSAGES_MAX = 1000

/** Messages whose scan killed the scanner, or ran into the time limit, by their exact fingerprints. */
export interface Poison {
  /** Whether any is known: else no message need be looked up. */
  readonly isAny: boolean
  /** Milliseconds for which this message is not to be scanned, or undefined where it is. */
  leftAloneFor(fingerprint: Buffer, tries: number): number | undefined
  /** Counts one; how many there were within a day. */
  struck(fingerprint: Buffer): number
}

/** `now` in milliseconds on a clock that nobody sets. */
export function createPoison(
  now: () => number = () => performance.now(),
  heard?: (fingerprint: Buffer) => void,
): Poison {
  const strikes = new LRUCache<string, readonly number[]>({ max: MESSAGES_MAX })

  function recent(name: string): readonly number[] {
    return (strikes.get(name) ?? []).filter((at) => now() - at < COUNTED_FOR)
  }

  return {
    get isAny() {
      return strikes.size > 0
    },
    leftAloneFor(fingerprint, tries) {
      const times = recent(nameOf(fingerprint))
      if (times.length < tries) return undefined
      const left = times.at(-1)! + LEFT_ALONE_FOR - now()
      return left > 0 ? left : undefined
    },
    struck(fingerprint) {
      const name = nameOf(fingerprint)
      const times = [...recent(name), now()]
      strikes.set(name, times)
      heard?.(fingerprint)
      return times.length
    },
  }
}

function nameOf(fingerprint: Buffer): string {
  return fingerprint.toString('base64')
}
