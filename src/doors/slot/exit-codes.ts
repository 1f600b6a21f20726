import type { FaultKind } from '../../lib/errors/fault.ts'
import type { Reply } from '../../scan/judge/decision/decision.ts'

/** The answers of the slot (qmail-queue(8), and IndiMail's and notqmail's additions). */
export const exit = {
  done: 0,
  addressTooLong: 11,
  refused: 31,
  virus: 33,
  banned: 34,
  outOfMemory: 51,
  write: 53,
  read: 54,
  config: 55,
  tempFile: 64,
  deferred: 71,
  unscanned: 77,
  internalBug: 81,
  customText: 82,
  customTextIndimail: 88,
  envelope: 91,
  nextProgram: 120,
} as const

/** Returns whether callers treat an exit code as permanent. All others except `done` are temporary. */
export const isPermanent = (code: number): boolean => (code >= 11 && code <= 40) || code === 115

/** The meaning of each code, as in the table of onescan-queue(8). */
export const exitMeanings: Readonly<Record<number, string>> = {
  [exit.done]: 'The message was queued, quarantined, or dropped (REJECTVIRUS=2).',
  [exit.addressTooLong]: 'An address in the envelope is longer than 1,002 bytes.',
  [exit.refused]: 'The message is refused.',
  [exit.virus]: 'A virus was found (ERROR_FD=2, if no text can be sent).',
  [exit.banned]: 'A banned attachment was found (ERROR_FD=2, if no text can be sent).',
  [exit.outOfMemory]: 'Out of memory.',
  [exit.write]: 'Write error or disk full.',
  [exit.read]: 'Read error, or the input ended early.',
  [exit.config]: 'A setting or control file cannot be used, or Node is too old.',
  [exit.tempFile]: 'A temporary file cannot be created.',
  [exit.deferred]: 'Deferred: the message could not be scanned, or its recipients are over quota.',
  [exit.unscanned]: 'The message could not be scanned (ERROR_FD=2, if no text can be sent).',
  [exit.internalBug]: 'Internal bug.',
  [exit.customText]: 'The reply is on the error descriptor (notqmail, sagredo).',
  [exit.customTextIndimail]: 'The reply is on the error descriptor (IndiMail, sagredo).',
  [exit.envelope]: 'The envelope is malformed.',
  [exit.nextProgram]: 'The next program cannot be executed.',
}

const faultCodes: Readonly<Record<FaultKind, number>> = {
  'address-too-long': exit.addressTooLong,
  'out-of-memory': exit.outOfMemory,
  write: exit.write,
  read: exit.read,
  config: exit.config,
  'temp-file': exit.tempFile,
  envelope: exit.envelope,
  'next-hop': exit.nextProgram,
  bug: exit.internalBug,
}

/** Returns the exit code for a fault. */
export function codeOfFault(kind: FaultKind): number {
  return faultCodes[kind]
}

/**
 * Returns the exit code for a reply whose text cannot be sent. IndiMail's callers distinguish more codes than
 * others.
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
    case 'too-large-inside':
    case 'encrypted':
    case 'strange-mime':
      return reply.class === 5 ? exit.refused : exit.unscanned
    case 'too-large':
    case 'bare-newline':
    case 'unclear-header':
    case 'too-many-hops':
    case 'policy':
      return exit.refused
    case 'macros':
    case 'phishing':
    case 'unwanted':
    case 'structured':
    case 'broken':
      return reply.class === 5 ? exit.refused : exit.deferred
    case 'over-quota':
      return exit.deferred
  }
}
