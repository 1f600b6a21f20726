import type { Verdict } from '../../scan/shared/verdict.ts'
import type { RememberedVerdict } from '../shared/verdict.ts'
import type { KnownOrScanned, RunScanners, VerdictQuery } from '../shared/verdict-query.ts'
import type { FingerprintedMessage } from './message-identity.ts'

/** The part of a result that holds for every copy; undefined if there is none. */
export function memorableOf(
  result: Verdict,
  { scanners }: FingerprintedMessage,
): RememberedVerdict['found'] | undefined {
  if (result.answer === 'clean') return { answer: 'clean' }
  if (result.answer !== 'infected' || result.banned) return undefined
  const { name, scanner } = result
  if (!scanners.some((known) => known.name === scanner)) return undefined
  return { answer: 'infected', name, scanner }
}

/**
 * Resolves to the result in which a remembered verdict stands for the scanners that gave it. The other
 * scanners run in their order; but not those behind a scanner that found something, which would not have
 * run either. What is excused, and a limit, never hide what was found.
 */
export async function withRemembered(
  verdict: RememberedVerdict,
  { scanners, policy, isExcused }: VerdictQuery,
  runScanners: RunScanners,
  timeout: number,
): Promise<KnownOrScanned> {
  const { found } = verdict
  const others = scanners.filter(({ memorable }) => !memorable)
  if (found.answer === 'clean') {
    const { encrypted, strict } = policy.secondLook
    const isLeft = others.length > 0 || strict !== 'off' || encrypted !== 'accept'
    const result = isLeft ? await runScanners(others, timeout) : undefined
    if (result && result.answer !== 'clean') return { result }
    return { result: { answer: 'clean', scanners }, known: verdict }
  }
  const first = scanners.findIndex(({ name }) => name === found.scanner)
  const before = scanners.slice(0, first).filter(({ memorable }) => !memorable)
  if (before.length > 0) {
    const result = await runScanners(before, timeout)
    if (result.answer === 'infected' && !isExcused?.(result)) return { result }
  }
  const { name, scanner } = found
  return { result: { answer: 'infected', name, scanner, banned: false }, known: verdict }
}
