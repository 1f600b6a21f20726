import type { Sample, ScanTask } from '../shared/scanner.ts'
import { contentScanners, type PartialResult, type ScanRun, tooLate, tooMuch } from './scan-run.ts'

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
  let unscanned: string | undefined
  const look = await lookAtContents(message, { spool, signal }, async (content) => {
    const outcome = await ask(content)
    unscanned ??= outcome.unscanned
    return outcome.result
  })
  switch (look.kind) {
    case 'found':
      return { result: look.found }
    case 'nothing':
      return { unscanned }
    case 'late':
      return { result: tooLate(run) }
    case 'over':
      return tooMuch(`second look: ${look.why}`, look.why, run)
  }
}
