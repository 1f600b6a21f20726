import type { Sample, ScanTask } from '../shared/scanner.ts'
import {
  contentScanners,
  joined,
  type PartialResult,
  type ScanRun,
  tooLate,
  tooMuch,
} from './scan-run.ts'

/**
 * Calls `ask` with each content that any reader of mail may see in the message, one after another,
 * until a result ends the scan.
 */
export async function scanContents(
  message: Sample,
  run: ScanRun,
  { signal }: ScanTask,
  ask: (content: Sample) => Promise<PartialResult>,
): Promise<PartialResult> {
  if (contentScanners(run).length === 0) return {}
  const { spool } = run.secondLook
  const { lookAtContents } = await import('../second-look/look.ts')
  let outcome: PartialResult = {}
  const look = await lookAtContents(message, { spool, signal }, async (content) => {
    outcome = joined(outcome, await ask(content))
    return outcome.result
  })
  switch (look.kind) {
    case 'found':
      return { result: look.found }
    case 'nothing':
      return outcome
    case 'late':
      return { result: tooLate(run) }
    case 'over':
      return joined(outcome, tooMuch(`second look: ${look.why}`, look.why, run))
  }
}
