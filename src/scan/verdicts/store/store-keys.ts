import type { RespCommand } from '../../../protocol/valkey/connection.ts'
import { SEALED_MAX } from './seal.ts'

/** The beginning of the names of verdicts in the store; the rest is the fingerprint. */
const KEY_PREFIX = 'onescan:verdict:1:'

/** The name of the value that `onescan check` leaves for a second. */
export const CHECK_KEY = `${KEY_PREFIX}check`

/** The name of the mark of the hosts' key (key-marks.ts). */
export const MARK_KEY = `${KEY_PREFIX}mark`

/** The first question on each connection: a user without the right to ask it can share nothing. */
export const FIRST_QUESTION: RespCommand = ['GETRANGE', CHECK_KEY, '0', '0']

/** The name of the verdict on a message. */
export function keyOf(fingerprint: string): string {
  return `${KEY_PREFIX}${fingerprint}`
}

/** The question for a value, of which no more is read than a verdict can have. */
export function questionFor(key: string): RespCommand {
  return ['GETRANGE', key, '0', String(SEALED_MAX)]
}
