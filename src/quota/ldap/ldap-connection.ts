import { connect, isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { Client, type Entry, type SearchOptions } from 'ldapts'
import { readForeignFile } from '../../ground/path/read.ts'
import { readSecret } from '../../ground/settings/secret-file.ts'
import type { LdapSettings } from './ldap-settings.ts'

/** A connection that is ready for questions, many at the same time. */
export interface LdapConnection {
  isOpen(): boolean
  /** How often data was received. If the number stands still, the connection may hang. */
  heard(): number
  /** Rejects with the error of the directory, or if the connection ends before the answer. */
  search(base: string, options: SearchOptions): Promise<Entry[]>
  /** Ends the connection at once. Questions under way reject. */
  close(): void
}

/**
 * Connects, and binds if the settings have an account. ldapts itself would connect with the first
 * question, and a second question at the same time would open another connection and lose the
 * first. Rejects with the reason after `timeout` milliseconds at the latest.
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
    await waitForConnect(socket, settings)
    const connection = connectionOver(socket)
    await connection.bind(settings)
    return connection
  } catch (error) {
    socket.destroy()
    throw socket.errored ?? error
  } finally {
    clearTimeout(late)
  }
}

function dial({ server, authorities }: LdapSettings): Socket {
  if ('path' in server) return connect(server)
  const { host, port, isSecure } = server
  if (!isSecure) return connect({ host, port })
  return connectSecurely({
    host,
    port,
    // A host with several domains chooses its certificate by this name (RFC 6066 3: no address).
    ...(isIP(host) ? {} : { servername: host }),
    ...(authorities ? { ca: readForeignFile(authorities) } : {}),
  })
}

function waitForConnect(socket: Socket, { url }: LdapSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(url.startsWith('ldaps:') ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
  })
}

/** Runs ldapts over an open socket, and keeps it from opening another one, which would be unbound. */
function connectionOver(socket: Socket) {
  let isOpen = true
  let heard = 0
  let isTaken = false
  socket.on('error', () => {}) // `close` always follows, and tells it
  socket.once('close', () => {
    isOpen = false
  })
  socket.on('data', () => heard++)
  const client = new Client({
    url: 'ldap://localhost', // not used, since `createConnection` has the socket
    createConnection: () => {
      if (isTaken) throw new Error('the connection was closed')
      isTaken = true
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
      // The unbind is sent if the directory still listens. Nothing waits for it.
      client.unbind().catch(() => {})
      socket.destroy()
    },
  }
}
