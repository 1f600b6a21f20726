import { MemoryLease } from '../../lib/flow/memory-budget.ts'
import { Intake } from './intake.ts'
import type { Message } from './message.ts'
import type { MessageOptions } from './message-options.ts'

/**
 * Reads a whole message from a source. The caller closes it. Rejects with the errors of the source or the intake,
 * and then frees everything.
 */
export async function spoolMessage(
  source: AsyncIterable<Buffer>,
  options: MessageOptions,
): Promise<Message> {
  const intake = new Intake(options, MemoryLease.unlimited())
  try {
    for await (const chunk of source) intake.write(chunk)
    return intake.finish()
  } catch (error) {
    intake.close()
    throw error
  }
}
