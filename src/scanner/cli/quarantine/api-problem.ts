import { errorText, type Fault, isFault } from '../../../base/errors/fault.ts'
import { type ProblemType, problemDetails } from '../../protocol/quarantine-api/problems.ts'
import { NotDone, type NotDoneReason } from '../../scan/quarantine/not-done.ts'
import { CannotRelease } from './release-entry.ts'
import { MaybeTaken, NotTaken } from './send-again.ts'

/** A problem of a request that was found before anything was done. */
export class Problem extends Error {
  readonly type: ProblemType

  constructor(type: ProblemType, detail: string) {
    super(detail)
    this.type = type
  }
}

const ofNotDone: Record<NotDoneReason, ProblemType> = {
  'not-an-id': 'no-message',
  missing: 'no-message',
  busy: 'busy',
  released: 'released',
  interrupted: 'interrupted',
  'other-request': 'other-request',
}

/** Returns the problem details of anything that a request threw. */
export function problemOf(error: unknown): ReturnType<typeof problemDetails> {
  const cause = error instanceof Error ? error.cause : undefined
  const answer = cause instanceof NotTaken ? { answer: cause.answer } : {}
  return problemDetails(typeOf(error, cause), errorText(error), answer)
}

/** Whether the message was, or may have been, sent before this was thrown. */
export const mayBeSent = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof MaybeTaken

function typeOf(error: unknown, cause: unknown): ProblemType {
  if (error instanceof Problem) return error.type
  if (error instanceof NotDone) return ofNotDone[error.why]
  if (cause instanceof MaybeTaken) return 'maybe-sent'
  if (!isFault(error)) return 'internal'
  // A release that failed before it was sent: the cause is the reason.
  const reason: Fault = error.kind === 'next-hop' && isFault(cause) ? cause : error
  if (reason instanceof CannotRelease) return 'cannot-release'
  switch (reason.kind) {
    case 'write':
      return 'disk-full'
    case 'read':
      return 'damaged'
    case 'next-hop':
      return 'refused'
    case 'config':
      return error.kind === 'next-hop' ? 'cannot-release' : 'quarantine'
    default:
      return 'internal'
  }
}
