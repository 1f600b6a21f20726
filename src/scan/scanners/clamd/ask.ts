import type { ScanFinding } from '../shared/finding.ts'
import type { ClamdAddress } from './address.ts'
import { type StreamedContent, streamsOf } from './scan-commands.ts'
import type { ClamdOutcome, ClamdReplies } from './session.ts'
import { ClamdSessions } from './sessions.ts'

/** Asks about the server itself. The answer is the reply without its NUL, as in clamd(8) ("PONG"). */
export async function askClamd(
  address: ClamdAddress,
  command: 'PING' | 'VERSION',
  signal: AbortSignal,
): Promise<ClamdOutcome<string>> {
  const packets = () => [Buffer.from(`z${command}\0`)].values()
  const read = ({ replies: [reply] }: ClamdReplies) => reply!.toString('latin1').replace(/\0$/, '')
  return new ClamdSessions(address).ask({ count: 1, packets, read }, signal)
}

/** Has clamd scan a content, on a connection of its own. */
export async function scanStream(
  address: ClamdAddress,
  content: StreamedContent,
  signal: AbortSignal,
): Promise<ClamdOutcome<ScanFinding>> {
  return new ClamdSessions(address).ask(streamsOf([content]), signal)
}
