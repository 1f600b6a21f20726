import type { StoreAccess } from './access.ts'
import { openCluster } from './cluster.ts'
import type { Words } from './connection.ts'
import { keepLink, type Link } from './link.ts'
import { findPrimary } from './sentinels.ts'
import type { Servers, ServersOptions } from './ways.ts'

export interface StoreEvents extends Omit<ServersOptions, 'entry'> {
  /** What each connection is asked first. */
  readonly firstQuestion: Words
}

/** Connects to one server, to the primary that sentinels name, or to all primaries of a cluster. */
export function openServers(
  access: StoreAccess,
  { firstQuestion, ...events }: StoreEvents,
): Servers {
  const { address, password, authorities } = access
  const { tls, user } = address
  const database = 'database' in address ? address.database : 0
  const entry = { tls, authorities, user, password, database, firstQuestion }
  switch (address.kind) {
    case 'cluster':
      return openCluster(address.servers, { ...events, entry })
    case 'server':
      return singleServer(
        keepLink({ ...linkEvents(events), entry, place: async () => address.server }),
      )
    case 'socket':
      return singleServer(keepLink({ ...linkEvents(events), entry, place: async () => address }))
    case 'sentinel': {
      const { servers, name } = address
      const own = { tls, authorities, password: access.sentinelPassword }
      const place = (signal: AbortSignal) => findPrimary(servers, name, own, signal)
      const link = keepLink({ ...linkEvents(events), entry, place })
      return singleServer(link, () => link.renew())
    }
  }
}

function linkEvents({ ready, trouble }: Omit<ServersOptions, 'entry'>) {
  return { ready, trouble: (why: string | undefined) => trouble('connection', why) }
}

function singleServer(link: Link, moved = () => {}): Servers {
  return {
    linkFor: () => link,
    get isWhole() {
      return link.isReady
    },
    moved,
    close: () => link.close(),
  }
}
