import type { StoreAccess } from '../../../protocol/valkey/address.ts'
import {
  openConnection,
  type ValkeyConnection,
  type ValkeyEndpoint,
} from '../../../protocol/valkey/connection.ts'
import { findPrimary } from '../../../protocol/valkey/sentinels.ts'
import { FIRST_QUESTION } from './store-keys.ts'

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
