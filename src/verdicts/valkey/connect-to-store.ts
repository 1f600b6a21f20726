import type { StoreAccess } from './access.ts'
import type { RespCommand, ValkeyEndpoint } from './connection.ts'
import { LastingConnection } from './lasting-connection.ts'
import { findPrimary } from './sentinels.ts'

/**
 * Keeps a connection to the server of a store, or to the primary that sentinels name. `firstQuestion` is
 * asked on each connection: if the server refuses it, nothing can be shared. `trouble` as in
 * LastingConnectionOptions.
 */
export function connectToStore(
  { address, password, sentinelPassword, authorities }: StoreAccess,
  firstQuestion: RespCommand,
  trouble: (why: string | undefined) => void,
): LastingConnection {
  const { tls, user } = address
  const database = address.kind === 'sentinel' ? 0 : address.database
  const login = { tls, authorities, user, password, database, firstQuestion }
  const endpoint = async (signal: AbortSignal): Promise<ValkeyEndpoint> => {
    switch (address.kind) {
      case 'server':
        return address.server
      case 'socket':
        return address
      case 'sentinel': {
        const own = { tls, authorities, password: sentinelPassword }
        return findPrimary(address.servers, address.name, own, signal)
      }
    }
  }
  return new LastingConnection({ endpoint, login, trouble })
}
