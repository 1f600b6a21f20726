import { connect, isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { Client, type Entry, type SearchOptions } from 'ldapts'
import { readForeignFile } from '../../ground/path/read.ts'
import { readSecret } from '../../ground/settings/secret-file.ts'
import type { LdapSettings } from './ldap-settings.ts'
import { MessageStream } from './message-stream.ts'

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
    const connection = new LdapConnection(socket)
    const { bind } = settings
    if (bind) await connection.bind(bind.dn, readSecret(bind.passwordFile))
    return connection
  } catch (error) {
    socket.destroy()
    throw error
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

/**
 * A connection that is ready for questions, many at the same time. It runs ldapts over an open
 * socket, and keeps it from opening another one, which would be unbound.
 */
export class LdapConnection {
  isOpen = true
  readonly #stream: MessageStream
  readonly #client: Client

  constructor(socket: Socket) {
    let isTaken = false
    const stream = new MessageStream(socket)
    this.#stream = stream
    this.#client = new Client({
      url: 'ldap://localhost', // not used, since `createConnection` has the socket
      createConnection: () => {
        if (isTaken) throw new Error('the connection was closed')
        isTaken = true
        return stream as unknown as Socket
      },
    })
    stream.on('error', () => {}) // `close` always follows, and tells it
    stream.once('close', () => {
      this.isOpen = false
    })
  }

  /** How often data was received. If the number stands still, the connection may hang. */
  get heard(): number {
    return this.#stream.heard
  }

  async bind(dn: string, password: string): Promise<void> {
    await this.#orWhyClosed(this.#client.bind(dn, password))
  }

  /** Rejects with the error of the directory, or with that by which the connection ended. */
  async search(base: string, options: SearchOptions): Promise<Entry[]> {
    return (await this.#orWhyClosed(this.#client.search(base, options))).searchEntries
  }

  /** Ends the connection at once. Questions under way reject. */
  close(): void {
    this.isOpen = false
    // The unbind is sent if the directory still listens. Nothing waits for it.
    this.#client.unbind().catch(() => {})
    this.#stream.destroy()
  }

  /** ldapts itself says of a connection that broke what kind of message was under way. */
  async #orWhyClosed<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer
    } catch (error) {
      throw this.#stream.errored ?? error
    }
  }
}
