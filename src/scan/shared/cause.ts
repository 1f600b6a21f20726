import { errorCode } from '../../ground/errors/fault.ts'

/** Why scanners could not tell, as the log, metrics and alerts count it: a closed list. */
export const CAUSES = [
  'timeout', // SCANTIMEOUT, or a deadline of its own, was over
  'unreachable', // no connection to the scanner, or no program to start
  'broken-off', // the scanner began and did not end: it died, or closed the connection
  'limit', // more than the scanner looks at
  'memory', // no memory, room or descriptors
  'scanner-error', // it answered that it failed, or what nobody understands
  'plugin', // a plugin's own answer: its `defer`
  'poison', // POISONTRIES: scanners died of this message, or of such ones
] as const
export type Cause = (typeof CAUSES)[number]

const BY_CODE: Readonly<Record<string, Cause>> = {
  ETIMEDOUT: 'timeout',
  ECONNREFUSED: 'unreachable',
  ENOENT: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EACCES: 'unreachable',
  ECONNRESET: 'broken-off',
  EPIPE: 'broken-off',
  ENOMEM: 'memory',
  ENOSPC: 'memory',
  EDQUOT: 'memory',
  EMFILE: 'memory',
  ENFILE: 'memory',
}

/** Of an error that a scanner, or the way to it, has thrown; errno(3) has the codes. */
export function causeOf(error: unknown): Cause {
  return BY_CODE[errorCode(error)] ?? 'scanner-error'
}
