import type { FaultKind } from '../../../ground/errors/fault.ts'
import type { Reply } from '../../../judge/decision.ts'

/**
 * The answers of the slot (qmail-queue(8), and IndiMail's and notqmail's additions).
 * The number is the interface: 11 to 40 and 115 are permanent, all else temporary.
 * onescan-queue(8) has the same table; a test compares them.
 */
export const exit = {
  /** The message is queued, or was dropped because REJECTVIRUS=2 asks for it. */
  done: 0,
  /** An address in the envelope is longer than 1,002 bytes. */
  addressTooLong: 11,
  /** The message is permanently refused. */
  refused: 31,
  /** A virus was found (ERROR_EXIT=88, if no text can be sent). */
  virus: 33,
  /** A banned attachment was found (ERROR_EXIT=88, if no text can be sent). */
  banned: 34,
  /** Out of memory. */
  outOfMemory: 51,
  /** Write error or disk full. */
  write: 53,
  /** Read error, or the input ended early. */
  read: 54,
  /** A setting or control file cannot be used. */
  config: 55,
  /** A temporary file cannot be made. */
  tempFile: 64,
  /** Temporarily refused: the message could not be scanned, or its recipients are over quota. */
  deferred: 71,
  /** The message could not be scanned (ERROR_EXIT=88, if no text can be sent). */
  unscanned: 77,
  /** Internal bug. */
  internalBug: 81,
  /** The reply is on the error descriptor (notqmail, sagredo). */
  customText: 82,
  /** The reply is on the error descriptor (IndiMail, sagredo). */
  customTextIndimail: 88,
  /** The envelope is malformed. */
  envelope: 91,
  /** The next program cannot be executed. */
  chain: 120,
} as const

const faultCodes: Readonly<Record<FaultKind, number>> = {
  'address-too-long': exit.addressTooLong,
  'out-of-memory': exit.outOfMemory,
  write: exit.write,
  read: exit.read,
  config: exit.config,
  'temp-file': exit.tempFile,
  envelope: exit.envelope,
  chain: exit.chain,
  bug: exit.internalBug,
}

/** Returns the exit code for a fault. */
export function codeOfFault(kind: FaultKind): number {
  return faultCodes[kind]
}

/**
 * Returns the exit code for a reply whose text cannot be sent. IndiMail's callers know more codes
 * than others.
 */
export function codeOfReply(reply: Reply, indimail: boolean): number {
  if (!indimail) return reply.class === 5 ? exit.refused : exit.deferred
  switch (reply.grounds) {
    case 'virus':
      return exit.virus
    case 'banned':
      return exit.banned
    case 'unscanned':
      return exit.unscanned
    case 'nested-too-deep':
    case 'too-much-inside':
    case 'strange-mime':
      return reply.class === 5 ? exit.refused : exit.unscanned
    case 'header-too-large':
    case 'too-large':
    case 'bare-newline':
    case 'unclear-header':
    case 'too-many-hops':
    case 'policy':
      return exit.refused
    case 'over-quota':
      return exit.deferred
  }
}
