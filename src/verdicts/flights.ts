import { inTime, LATE } from '../runtime/deadline.ts'
import type { RememberedVerdict } from './verdict.ts'

/** How somebody's look at a message ended, for those who wait with a copy of it. */
export type Landing =
  | { readonly kind: 'verdict'; readonly verdict: RememberedVerdict }
  /** What it found is in the store, if anything: another process was at it. */
  | { readonly kind: 'elsewhere' }
  /** Its scanners could not tell. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** Nothing that copies could go by: a limit, local policy, an error. */
  | { readonly kind: 'nothing' }

/** Somebody is at it; `landed` always comes, and never rejects. */
export interface Flight {
  readonly landed: Promise<Landing>
}

/** One's own, to be landed whatever happens. */
export interface OwnFlight extends Flight {
  land(landing: Landing): void
}

/** Which messages are being looked at, by fingerprint: whoever comes first looks, the others wait. */
export interface Flights {
  of(fingerprint: Buffer): Flight | undefined
  /** `within`: milliseconds that it takes at most. */
  begin(fingerprint: Buffer, within: number): OwnFlight
}

/** What other processes of the host want to know. */
export interface FlightWatch {
  begun(fingerprint: Buffer, within: number): void
  landed(fingerprint: Buffer, landing: Landing): void
}

export function createFlights(watch?: FlightWatch): Flights {
  const flying = new Map<string, Flight>()
  return {
    of: (fingerprint) => flying.get(nameOf(fingerprint)),
    begin(fingerprint, within) {
      const name = nameOf(fingerprint)
      let settle: ((landing: Landing) => void) | undefined
      const landed = new Promise<Landing>((resolve) => {
        settle = resolve
      })
      const flight: OwnFlight = {
        landed,
        land(landing) {
          if (settle === undefined) return
          if (flying.get(name) === flight) flying.delete(name)
          settle(landing)
          settle = undefined
          watch?.landed(fingerprint, landing)
        },
      }
      flying.set(name, flight)
      watch?.begun(fingerprint, within)
      return flight
    },
  }
}

function nameOf(fingerprint: Buffer): string {
  return fingerprint.toString('latin1')
}

/** How the flight ended, or undefined where that takes longer than so many milliseconds. */
export async function landedWithin(
  { landed }: Flight,
  milliseconds: number,
): Promise<Landing | undefined> {
  const landing = await inTime(landed, Math.max(1, milliseconds))
  return landing === LATE ? undefined : landing
}
