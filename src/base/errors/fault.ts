import { codeInWords, withoutCode } from './system-error.ts'

/**
 * The kinds of failure before or after the scan. A fault never leads to acceptance: every door answers
 * it with a temporary failure, except `address-too-long`, which no retry can correct.
 */
export const faultsInWords = {
  'address-too-long': 'an address in the envelope is too long',
  'out-of-memory': 'out of memory',
  overload: 'it waited too long for its turn (--max-clients)',
  write: 'write error or disk full',
  read: 'read error, or the client disconnected',
  config: 'a setting or control file cannot be used',
  'temp-file': 'a temporary file cannot be created',
  envelope: 'the envelope is malformed',
  'next-hop': 'the next program or server cannot take the message',
  bug: 'an internal bug',
} as const
export type FaultKind = keyof typeof faultsInWords
export const FAULT_KINDS = Object.keys(faultsInWords) as readonly FaultKind[]

/** An error whose message is one line for the log: the thing, its value, the remedy. */
export class Fault extends Error {
  readonly kind: FaultKind

  constructor(kind: FaultKind, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'Fault'
    this.kind = kind
  }
}

/** Returns whether this is a Fault, by its name: each part of a bundled program has its own class Fault. */
export function isFault(error: unknown): error is Fault {
  return error instanceof Error && error.name === 'Fault' && 'kind' in error
}

/**
 * Returns the kind of a thrown value. A failed allocation is `out-of-memory`. Any other error that is not a
 * Fault is a bug.
 */
export function faultKindOf(error: unknown): FaultKind {
  if (isFault(error)) return error.kind
  const isOutOfMemory =
    errorCode(error) === 'ERR_MEMORY_ALLOCATION_FAILED' ||
    (error instanceof RangeError && /allocation failed/i.test(error.message))
  return isOutOfMemory ? 'out-of-memory' : 'bug'
}

/** Returns the `code` of a system error (`ENOENT`), or '' for anything else that was thrown. */
export function errorCode(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return typeof code === 'string' ? code : ''
}

/** Matches the directory or file of a handle, as used by calls that accept only a path. */
const OF_HANDLE = /(?:, [a-z]+ )?'\/proc\/self\/fd\/\d+'|(?<=')\/proc\/self\/fd\/\d+\//g

/** Describes anything that was thrown, in one line; an error of the system in words. */
export function errorText(error: unknown): string {
  const code = errorCode(error)
  return withoutCode(rawText(error), code) || codeInWords(code) || 'error without a message'
}

function rawText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(OF_HANDLE, '').replace(/\s+/g, ' ').trim()
}

/**
 * Returns a one-line description of a thrown error, for a message that already names the file. It omits the
 * path and the failed system call.
 */
export function errorTextAt(path: string, error: unknown): string {
  const ofFile = rawText(error).replace(/, [a-z]+(?: '[^']*')?(?: -> '[^']*')?$/, '')
  const text = withoutCode(ofFile, errorCode(error)) || errorText(error)
  if (text.endsWith(`: ${path}`)) return text.slice(0, -path.length - 2)
  return text.startsWith(path) && /^:? /.test(text.slice(path.length))
    ? text.slice(path.length).replace(/^:? /, '')
    : text
}

/** Returns undefined for the error that something is missing (ENOENT), and throws any other one: for a rejected promise. */
export function unlessMissing(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw error
}

/** Returns the result of a call, or undefined if what it needs is missing. Throws its other errors. */
export function ifThere<Value>(call: () => Value): Value | undefined {
  try {
    return call()
  } catch (error) {
    return unlessMissing(error)
  }
}

/** Returns the result of a call, or undefined if it throws. */
export function attempt<Value>(call: () => Value): Value | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
