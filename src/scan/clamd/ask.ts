import type { ClamdAddress } from './address.ts'
import type { ClamdReply } from './clamd-reply.ts'
import { readReplies, type StreamedContent, streamsOf } from './scan-commands.ts'
import type { ClamdOutcome } from './session.ts'
import { ClamdSessions } from './sessions.ts'

/** Asks about the server itself. The answer is the reply without its NUL, as in clamd(8) ("PONG"). */
export async function askClamd(
  address: ClamdAddress,
  command: 'PING' | 'VERSION',
  signal: AbortSignal,
): Promise<ClamdOutcome<string>> {
  const packets = () => [Buffer.from(`z${command}\0`)].values()
  const outcome = await new ClamdSessions(address).ask({ count: 1, packets }, signal)
  if (outcome.kind !== 'answered') return outcome
  const [reply] = outcome.answer.replies
  return { kind: 'answered', answer: reply!.toString('latin1').replace(/\0$/, '') }
}

/** Has clamd scan a content, on a connection of its own. */
export async function scanStream(
  address: ClamdAddress,
  content: StreamedContent,
  signal: AbortSignal,
): Promise<ClamdOutcome<ClamdReply>> {
  const outcome = await new ClamdSessions(address).ask(streamsOf([content]), signal)
  if (outcome.kind !== 'answered') return outcome
  return { kind: 'answered', answer: readReplies(outcome.answer, 'stream') }
}
