import { connect, isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { Client, type Entry, type SearchOptions } from 'ldapts'
import { readForeignFile } from '../../ground/path/read.ts'
import { readSecret } from '../../ground/settings/secret-file.ts'
import { type LdapSettings, placeOf } from './ldap-settings.ts'

/** A connection on which a question can be sent at once, by many at a time. */
export interface LdapConnection {
  isOpen(): boolean
  /** How often something was received on it. If that stands still, it may hang. */
  heard(): number
  /** Rejects with the directory's error, or if the connection ends before the answer is there. */
  search(base: string, options: SearchOptions): Promise<Entry[]>
  /** Ends it at once. Questions that wait on it are rejected. */
  close(): void
}

/**
 * Connects, and binds if the settings say so; only a connection with both is given away. By itself
 * ldapts would connect with the first question, and a second question at the same time would open
 * another connection and lose the first. Rejects with the reason after `timeout` milliseconds at
 * the latest.
 */
export async function openConnection(
  settings: LdapSettings,
  timeout: number,
): Promise<LdapConnection> {
  const socket = dial(settings)
  const late = setTimeout(() => {
    socket.destroy(new Error(`no connection in ${timeout} ms`))
  }, timeout)
  try {
    await connected(socket, settings)
    const connection = over(socket)
    await connection.bind(settings)
    return connection
  } catch (error) {
    socket.destroy()
    throw socket.errored ?? error
  } finally {
    clearTimeout(late)
  }
}

function dial({ url, authorities }: LdapSettings): Socket {
  const place = placeOf(url)
  if ('path' in place) return connect(place)
  const { host, port, isSecure } = place
  if (!isSecure) return connect({ host, port })
  return connectSecurely({
    host,
    port,
    // The name tells a host that serves several domains which one is meant (RFC 6066 3: no
    // addresses).
    ...(isIP(host) ? {} : { servername: host }),
    ...(authorities ? { ca: readForeignFile(authorities) } : {}),
  })
}

function connected(socket: Socket, { url }: LdapSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(url.startsWith('ldaps:') ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
  })
}

/** ldapts over an open connection. It never opens another one, on which nobody would be bound. */
function over(socket: Socket) {
  let isOpen = true
  let heard = 0
  let given = false
  socket.on('error', () => {}) // told by `close`, which always follows
  socket.once('close', () => {
    isOpen = false
  })
  socket.on('data', () => heard++)
  const client = new Client({
    url: 'ldap://localhost', // of no account: the connection is ours
    createConnection: () => {
      if (given) throw new Error('the connection was closed')
      given = true
      return socket
    },
  })
  return {
    isOpen: () => isOpen,
    heard: () => heard,
    async bind({ bind }: LdapSettings): Promise<void> {
      if (bind) await client.bind(bind.dn, readSecret(bind.passwordFile))
    },
    async search(base: string, options: SearchOptions): Promise<Entry[]> {
      return (await client.search(base, options)).searchEntries
    },
    close() {
      isOpen = false
      // With an unbind, if the directory still listens; in any case at once.
      client.unbind().catch(() => {})
      socket.destroy()
    },
  }
}
