import { type CheckLine, ok } from '../../../base/check/check-line.ts'
import { Bytes } from '../../../mail/message/bytes.ts'
import type { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import { formsMissedBy } from './form-probes.ts'
import { probeLimitReports } from './limit-probes.ts'

/**
 * Tests, in one conversation, whether a server extracts the parts of ordinary mail. Resolves to what it misses, or to
 * undefined if it does not report what it does not scan to the end, or does not answer.
 */
export async function tryForms(
  clamd: ClamdServer,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const { reports } = await probeLimitReports(clamd, signal)
  return reports === 'yes' ? await formsMissedBy(clamd, signal) : undefined
}

/** Free space in bytes that clamd needs: about sixty messages with remaining parts may be scanned at once. */
const FREE_SPACE = 8 * 1024 * 1024

/**
 * Submits a stream of FREE_SPACE zeros to a server, which it writes to its TemporaryDirectory. It skips parts of a
 * message that it cannot write, and reports nothing. Resolves to `late` if the server is too busy to answer in
 * time.
 */
export async function probeRoom(
  clamd: ClamdServer,
  signal: AbortSignal,
): Promise<'enough' | 'none' | 'late'> {
  const bytes = Bytes.of(Buffer.alloc(FREE_SPACE))
  const outcome = await clamd.scan([{ bytes }], { signal, note() {} })
  if (outcome.kind === 'answered') return outcome.reply.answer === 'clean' ? 'enough' : 'none'
  const isQueueFull = outcome.kind === 'unreachable' && outcome.state === 'full'
  return outcome.kind === 'timed-out' || isQueueFull ? 'late' : 'none'
}

/** States whether a server scans the parts of ordinary mail with the whole message, or which forms it misses. */
export function describeForms(server: string, missed: readonly string[]): CheckLine {
  const value =
    missed.length === 0
      ? 'scanned with the whole message'
      : `scanned separately: in whole messages clamd did not find the test virus in ${missed.join(', ')}`
  return ok(`clamd ${server} ordinary parts`, value)
}
