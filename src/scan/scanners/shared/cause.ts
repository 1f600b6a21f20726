import { errorCode } from '../../../ground/errors/fault.ts'

/** Why scanners could not tell: the closed list that the log, metrics and alerts count by. */
export const causesInWords = {
  timeout: "SCANTIMEOUT, or the scanner's own deadline, was over",
  unreachable: 'no connection to the scanner, or no program to start',
  'broken-off': 'the scanner began and did not end: it died, or closed the connection',
  limit: 'there is more than the scanner reads',
  memory: 'no memory, room or descriptors',
  'scanner-error': 'the scanner said that it failed, or said what nobody understands',
  plugin: 'the plugin itself could not tell',
  poison: 'scanners died three times while they had this message, so it is left alone for an hour',
} as const
export type Cause = keyof typeof causesInWords
export const CAUSES = Object.keys(causesInWords) as readonly Cause[]

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

/** The cause of an error that a scanner, or the connection to it, has thrown; errno(3) has the codes. */
export function causeOf(error: unknown): Cause {
  return BY_CODE[errorCode(error)] ?? 'scanner-error'
}
