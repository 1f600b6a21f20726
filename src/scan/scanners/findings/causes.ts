import { errorCode } from '../../../lib/errors/fault.ts'

/** Why an answer of scanners is unknown: the closed list that the log, metrics and alerts count by. */
export const causesInWords = {
  timeout: "SCANTIMEOUT or the scanner's own deadline expired",
  busy: 'the scan could not start before SCANTIMEOUT, or the message could not be scanned alone',
  unreachable: 'the scanner cannot be reached or started',
  'broken-off': 'the scanner crashed, or closed the connection during the scan',
  limit: 'the content is larger than the scanner accepts',
  memory: 'no memory, disk space or descriptors',
  'scanner-error': 'the scanner reported an error, or gave an invalid answer',
  plugin: 'the plugin returned unknown',
  poison:
    'scanned alone, the message crashed the scanner three times; it is not scanned for an hour',
} as const
export type Cause = keyof typeof causesInWords

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

/**
 * Returns the cause of an error that a scanner, or the connection to it, has thrown; errno(3) lists the
 * codes.
 */
export function causeOf(error: unknown): Cause {
  return BY_CODE[errorCode(error)] ?? 'scanner-error'
}
