import type { StoreAccess } from '../../../protocol/valkey/address.ts'
import {
  openConnection,
  type RespCommand,
  type ValkeyConnection,
  type ValkeyEndpoint,
} from '../../../protocol/valkey/connection.ts'
import { findPrimary } from '../../../protocol/valkey/sentinels.ts'
import { SEALED_MAX } from './seal.ts'

/**
 * Connects to the server of a store, or to the primary that sentinels name. Rejects with a reason in one
 * line, also if the server takes no questions about verdicts. The signal ends it in any step.
 */
export async function connectToStore(
  access: StoreAccess,
  signal: AbortSignal,
): Promise<ValkeyConnection> {
  const { address, password, authorities } = access
  const { tls, user } = address
  const database = address.kind === 'sentinel' ? 0 : address.database
  const login = { tls, authorities, user, password, database }
  const endpoint = await endpointOf(access, signal)
  const { connection } = await openConnection(endpoint, login, FIRST_QUESTION, signal)
  return connection
}

async function endpointOf(
  { address, sentinelPassword, authorities }: StoreAccess,
  signal: AbortSignal,
): Promise<ValkeyEndpoint> {
  switch (address.kind) {
    case 'server':
      return address.server
    case 'socket':
      return address
    case 'sentinel': {
      const login = { tls: address.tls, authorities, password: sentinelPassword }
      return findPrimary(address.servers, address.name, login, signal)
    }
  }
}

/** The beginning of the names of verdicts in the store; the rest is the fingerprint. */
const KEY_PREFIX = 'onescan:verdict:1:'

/** The name of the value that `onescan check` leaves for a second. */
export const CHECK_KEY = `${KEY_PREFIX}check`

/** The name of the mark of the hosts' key (secrets.ts). */
export const MARK_KEY = `${KEY_PREFIX}mark`

/** The first question on each connection: a user without the right to ask it can share nothing. */
const FIRST_QUESTION: RespCommand = ['GETRANGE', CHECK_KEY, '0', '0']

/** The name of the verdict on a message. */
export function keyOf(fingerprint: string): string {
  return `${KEY_PREFIX}${fingerprint}`
}

/** The question for a value, of which no more is read than a verdict can have. */
export function questionFor(key: string): RespCommand {
  return ['GETRANGE', key, '0', String(SEALED_MAX)]
}
