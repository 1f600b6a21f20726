import type { StoreAccess } from './access.ts'
import type { RespCommand, ValkeyEndpoint } from './connection.ts'
import { LastingConnection, type LastingConnectionOptions } from './lasting-connection.ts'
import { findPrimary } from './sentinels.ts'

export interface StoreEvents extends Pick<LastingConnectionOptions, 'ready' | 'trouble'> {
  /** The first question on each connection: if the server refuses it, nothing can be shared. */
  readonly firstQuestion: RespCommand
}

/** Keeps a connection to the server of a store, or to the primary that sentinels name. */
export function connectToStore(
  { address, password, sentinelPassword, authorities }: StoreAccess,
  { firstQuestion, ready, trouble }: StoreEvents,
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
  return new LastingConnection({ endpoint, login, ready, trouble })
}
