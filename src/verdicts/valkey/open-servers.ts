import type { StoreAccess } from './access.ts'
import { openCluster } from './cluster.ts'
import type { RespCommand } from './connection.ts'
import { keepConnection, type LastingConnection } from './lasting-connection.ts'
import { findPrimary } from './sentinels.ts'
import type { StoreServers, StoreServersOptions } from './store-servers.ts'

export interface StoreEvents extends Omit<StoreServersOptions, 'login'> {
  /** The first question on each connection. */
  readonly firstQuestion: RespCommand
}

/** Connects to one server, to the primary that sentinels name, or to all primaries of a cluster. */
export function openServers(
  access: StoreAccess,
  { firstQuestion, ...events }: StoreEvents,
): StoreServers {
  const { address, password, authorities } = access
  const { tls, user } = address
  const database = 'database' in address ? address.database : 0
  const login = { tls, authorities, user, password, database, firstQuestion }
  switch (address.kind) {
    case 'cluster':
      return openCluster(address.servers, { ...events, login })
    case 'server':
      return singleServer(
        keepConnection({
          ...connectionEvents(events),
          login,
          endpoint: async () => address.server,
        }),
      )
    case 'socket':
      return singleServer(
        keepConnection({ ...connectionEvents(events), login, endpoint: async () => address }),
      )
    case 'sentinel': {
      const { servers, name } = address
      const own = { tls, authorities, password: access.sentinelPassword }
      const endpoint = (signal: AbortSignal) => findPrimary(servers, name, own, signal)
      const connection = keepConnection({ ...connectionEvents(events), login, endpoint })
      return singleServer(connection, () => connection.renew())
    }
  }
}

function connectionEvents({ ready, trouble }: Omit<StoreServersOptions, 'login'>) {
  return { ready, trouble: (why: string | undefined) => trouble('connection', why) }
}

function singleServer(connection: LastingConnection, moved = () => {}): StoreServers {
  return {
    connectionFor: () => connection,
    get isWhole() {
      return connection.isReady
    },
    moved,
    close: () => connection.close(),
  }
}
