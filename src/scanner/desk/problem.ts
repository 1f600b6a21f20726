import { errorText, Fault, faultKindOf, isFault } from '../../base/errors/fault.ts'
import {
  type ProblemType,
  problemDetails,
  reasonAndRemedy,
} from '../protocol/quarantine-api/problems.ts'
import { NotDone, type NotDoneReason } from '../scan/quarantine/not-done.ts'
import { CannotRelease, PartlyReleased } from './release-entry.ts'
import { MaybeTaken, NotTaken } from './send-again.ts'
import { asUtf8 } from './shown-message.ts'

/** A problem of a request that was found before anything was done. */
export class Problem extends Error {
  readonly code: ProblemType

  constructor(code: ProblemType, detail: string) {
    super(detail)
    this.code = code
  }
}

const ofNotDone: Record<NotDoneReason, ProblemType> = {
  'not-an-id': 'no-message',
  missing: 'no-message',
  busy: 'busy',
  released: 'released',
  interrupted: 'interrupted',
  'for-others': 'for-others',
  'other-request': 'other-request',
}

/** Returns the problem details of anything that a request threw. */
export function problemOf(error: unknown): ReturnType<typeof problemDetails> {
  const cause = error instanceof Error ? error.cause : undefined
  const more = {
    ...((cause instanceof NotTaken || cause instanceof PartlyReleased) && {
      answer: cause.answer,
      ...(cause.recipient !== undefined && { recipient: asUtf8(cause.recipient) }),
    }),
    ...(cause instanceof PartlyReleased && { remaining: cause.remaining }),
  }
  return problemDetails(codeOf(error), errorText(error), more)
}

/** Returns what a command threw, with what its user does about it. */
export function forCommand(error: unknown): Fault {
  return new Fault(
    faultKindOf(error),
    reasonAndRemedy(codeOf(error), errorText(error), 'command'),
    error,
  )
}

/** Whether the message was, or may have been, sent before this was thrown. */
export const mayBeSent = (error: unknown): boolean =>
  error instanceof Error &&
  (error.cause instanceof MaybeTaken || error.cause instanceof PartlyReleased)

function codeOf(error: unknown): ProblemType {
  const cause = error instanceof Error ? error.cause : undefined
  if (error instanceof Problem) return error.code
  if (error instanceof NotDone) return ofNotDone[error.why]
  if (cause instanceof MaybeTaken) return 'maybe-sent'
  if (cause instanceof PartlyReleased) return 'partly-released'
  if (!isFault(error)) return 'internal'
  // A release that failed before it was sent: the cause is the reason.
  const reason: Fault = error.kind === 'next-hop' && isFault(cause) ? cause : error
  if (reason instanceof CannotRelease) return reason.code
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
