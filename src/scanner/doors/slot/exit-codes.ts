import type { FaultKind } from '../../../base/errors/fault.ts'
import type { Grounds, Reply } from '../../scan/replies/reply.ts'

/** The answers of the slot (qmail-queue(8), and IndiMail's and notqmail's additions). */
export const slotExit = {
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
  [slotExit.done]: 'The message was queued, quarantined, or dropped (REJECTVIRUS=2).',
  [slotExit.addressTooLong]: 'An address in the envelope is too long.',
  [slotExit.refused]: 'The message is refused.',
  [slotExit.virus]: 'A virus was found (ERROR_FD=2, if no text can be sent).',
  [slotExit.banned]: 'A banned attachment was found (ERROR_FD=2, if no text can be sent).',
  [slotExit.outOfMemory]: 'Out of memory.',
  [slotExit.write]: 'Write error or disk full.',
  [slotExit.read]: 'Read error, or the input ended early.',
  [slotExit.config]: 'A setting or control file cannot be used, or Node is too old.',
  [slotExit.tempFile]: 'A temporary file cannot be created.',
  [slotExit.deferred]:
    'Deferred: the message could not be scanned, or its recipients are over quota.',
  [slotExit.unscanned]: 'The message could not be scanned (ERROR_FD=2, if no text can be sent).',
  [slotExit.internalBug]: 'Internal bug.',
  [slotExit.customText]: 'The reply is on the error descriptor (notqmail, sagredo).',
  [slotExit.customTextIndimail]: 'The reply is on the error descriptor (IndiMail, sagredo).',
  [slotExit.envelope]: 'The envelope is malformed.',
  [slotExit.nextProgram]: 'The next program cannot be executed.',
}

const faultCodes: Readonly<Record<FaultKind, number>> = {
  'address-too-long': slotExit.addressTooLong,
  'out-of-memory': slotExit.outOfMemory,
  overload: slotExit.deferred,
  write: slotExit.write,
  read: slotExit.read,
  config: slotExit.config,
  'temp-file': slotExit.tempFile,
  envelope: slotExit.envelope,
  'next-hop': slotExit.nextProgram,
  bug: slotExit.internalBug,
}

/** Returns the exit code for a fault: temporary, except for an address that is too long. */
export function codeOfFault(kind: FaultKind): number {
  return faultCodes[kind]
}

/**
 * Returns the exit code for a reply whose text cannot be sent: temporary if the reply is. IndiMail's callers
 * distinguish more codes than others.
 */
export function codeOfReply({ class: status, grounds }: Reply, isIndimail: boolean): number {
  if (!isIndimail) return status === 5 ? slotExit.refused : slotExit.deferred
  return status === 5 ? codeOfRefusal(grounds) : codeOfDeferral(grounds)
}

function codeOfRefusal(grounds: Grounds): number {
  if (grounds === 'virus') return slotExit.virus
  return grounds === 'banned' ? slotExit.banned : slotExit.refused
}

function codeOfDeferral(grounds: Grounds): number {
  switch (grounds) {
    case 'unscanned':
    case 'nested-too-deep':
    case 'too-much-inside':
    case 'too-large-inside':
    case 'unreadable':
    case 'encrypted':
    case 'strange-mime':
      return slotExit.unscanned
    default:
      return slotExit.deferred
  }
}
