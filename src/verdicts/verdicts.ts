import type { Verdict } from '../scan/shared/verdict.ts'
import {
  hasFingerprint,
  type IdentityOptions,
  identify,
  type MessageIdentity,
} from './copies/message-identity.ts'
import { withRemembered } from './copies/remembered-result.ts'
import type { PoisonCounters, Withheld } from './poison/poison.ts'
import { type ScanForAllOptions, scanForAll } from './scan-for-all.ts'
import { scanWithCare } from './scan-with-care.ts'
import {
  type CouldNotTell,
  createScansInFlight,
  endedWithin,
  type ScansInFlight,
} from './scans-in-flight.ts'
import type { KnownOrScanned, ScanWith, VerdictQuery } from './shared/verdict-query.ts'
import { openStoredVerdicts, type StoredVerdictsOptions } from './stored-verdicts.ts'
import type { Sharing } from './stores/store.ts'

/** The surroundings of a memory of verdicts. */
export interface VerdictsOptions extends IdentityOptions, StoredVerdictsOptions, ScanForAllOptions {
  /** The scans under way: of this process, or of all processes of the host if they tell each other. */
  readonly inFlight?: ScansInFlight
}

/** The stage between verifying stamps and scanning: verdicts about copies of a message. */
export interface Verdicts {
  /**
   * Resolves to the result for a message: from the verdict about a copy if one counts, otherwise from
   * `scanWith`. Copies that come meanwhile wait for that scan, each within its own time. Scanners that
   * are not `memorable` always scan.
   */
  find(query: VerdictQuery, scanWith: ScanWith): Promise<KnownOrScanned>
  /** The messages that are withheld from scanners now, because scanners died of them. */
  withheld(): Withheld
  /** Counters of the care for such messages; undefined if there is none (POISONTRIES=0). */
  poisoned(): PoisonCounters | undefined
  /** The state of the shared store; undefined if there is none. */
  sharing(): Sharing | undefined
  close(): void
}

/** Scans without an answer after which a copy that waited for them is not scanned either. */
const VAIN_SCANS = 2

export function openVerdicts(options: VerdictsOptions): Verdicts {
  const { stores, uptime, poison, inFlight = createScansInFlight() } = options
  const stored = openStoredVerdicts(options)

  return {
    async find(query, scanWith) {
      const { timeout } = query.policy
      const deadline = uptime() + timeout
      const timeLeft = () => Math.max(1, deadline - uptime())
      const identity = await identify(query, options)
      if (identity === undefined) return { result: await scanWith(query.scanners, timeout) }
      const scanAlone = async () => ({
        result: await scanWithCare({ query, identity, scanWith }, timeLeft(), options),
      })
      if (!hasFingerprint(identity)) return scanAlone()
      let vain = 0
      while (true) {
        const scan = inFlight.of(identity.fingerprint)
        if (scan === undefined) {
          const message = { query, identity, scanWith }
          return scanForAll(message, timeLeft(), stored, inFlight, options)
        }
        const end = await endedWithin(scan, deadline - uptime())
        if (end === undefined) return { result: couldNotTell(identity, TOO_LATE) }
        switch (end.kind) {
          case 'verdict':
            if (!stored.doesCount(end.verdict, identity)) return scanAlone()
            return withRemembered(end.verdict, query, scanWith, timeLeft())
          case 'nothing':
            return scanAlone()
          case 'unknown':
            vain++
            if (vain === VAIN_SCANS) return { result: couldNotTell(identity, end) }
            continue
          case 'elsewhere':
            continue // the verdict is in a store, or nowhere: one of the waiting copies finds out
        }
      }
    },
    withheld: () => poison?.known.withheld(poison.tries) ?? { messages: 0, soonest: 0, latest: 0 },
    poisoned: () => poison?.known.counters,
    sharing: () => stores.find(({ sharing }) => sharing)?.sharing?.(),
    close() {
      for (const store of stores) store.close()
    },
  }
}

const TOO_LATE = {
  why: 'a copy of it was being scanned for all of its own time (SCANTIMEOUT)',
  cause: 'timeout',
} as const

function couldNotTell(
  { scanners }: MessageIdentity,
  { why, cause }: CouldNotTell,
): Extract<Verdict, { answer: 'unknown' }> {
  return { answer: 'unknown', scanner: scanners[0]!.name, why, cause }
}
