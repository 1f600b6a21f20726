import { FUTURE_MAX } from '../cluster/verify.ts'
import { areAllAtLeastAsNew } from '../scan/shared/signatures.ts'
import type { RememberedVerdict } from './verdict.ts'

/** Seconds for which a virus that was found is one whatever signatures are here. */
export const INFECTED_FOR = 60

/** By what a remembered verdict counts, or does not. */
export interface Standard {
  /** Unix seconds. */
  readonly now: number
  /** Seconds. */
  readonly maxAge: number
  /** What this host's scanners say of their signatures, the newest among them. */
  readonly signatures: string
  /** When the signatures of this host last changed, unix seconds; undefined if that is not known. */
  readonly signatureDate: number | undefined
}

/**
 * Why a remembered verdict does not count here and now, or undefined if it does.
 * `clean` is what scanning would say while it is young and was found with signatures no
 * older than those here; `infected` while the signatures are the very same, or for a minute:
 * a name that was withdrawn must not stay.
 */
export function staleness(verdict: RememberedVerdict, standard: Standard): string | undefined {
  const { now, maxAge, signatures, signatureDate } = standard
  const age = now - verdict.time
  if (age > maxAge) return `it is ${age} seconds old`
  if (age < -FUTURE_MAX) return `it is ${-age} seconds in the future`
  if (verdict.found.answer === 'infected') {
    if (verdict.signatures === signatures || Math.abs(age) <= INFECTED_FOR) return undefined
    return 'it was found with other signatures'
  }
  if (signatureDate !== undefined && verdict.time < signatureDate) {
    return 'it is older than the signatures here'
  }
  if (areAllAtLeastAsNew(verdict.signatures, signatures)) return undefined
  return 'it was found with other signatures, perhaps older ones'
}
