import { createServer, type Socket } from 'node:net'
import { contains, type Network, parseIpAddress } from '../../ground/net/ip-address.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { ConnectionSet } from '../shared/serve.ts'
import { madeRoom, mayNotConnect, stopping, tooManyConnections } from './own-replies.ts'
import { ServedClient } from './served-client.ts'
import { createSmtpServer, type SmtpDoorState, type SmtpOptions, type SmtpRoute } from './server.ts'
import { defaultTimeouts } from './time-limits.ts'
import type { RawReply } from './wire/replies.ts'

/** Milliseconds between two checks of what is due. */
const TICK_MAX = 1000

/** The SMTP door: sessions of mail servers on whatever the server listens on. */
export function createSmtpDoor(first: Configuration, route: SmtpRoute, options: SmtpOptions): Door {
  const { maxClients, budget, timeouts = defaultTimeouts } = options
  const state: SmtpDoorState = { configuration: first, stopping: false }
  const smtpServer = createSmtpServer(route, options, state)
  const { complain, uptime } = smtpServer
  const clients = new ConnectionSet<ServedClient>({
    every: Math.min(TICK_MAX, Math.ceil(timeouts.silence / 2)),
    tick: (client) => client.tick(uptime(), timeouts),
  })
  let crowded = false

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const { remoteAddress } = socket
    socket.on('error', () => socket.destroy())
    if (!mayConnect(remoteAddress, route.from)) {
      complain(`${remoteAddress} may not connect (--from)`)
      turnAway(socket, mayNotConnect)
    } else if (!makeRoom()) turnAway(socket, tooManyConnections)
    else serve(socket)
  })
  server.on('error', (error) => complain(error.message))

  function serve(socket: Socket): void {
    const client = new ServedClient(socket, smtpServer)
    clients.add(client)
    void client.run().then(() => {
      clients.delete(client)
      if (clients.size < maxClients) crowded = false
    })
  }

  /**
   * Returns whether one more client may come. If there are too many, the client that has been
   * silent for longest, but not amid content, is closed. That is logged once, until there is room
   * again.
   */
  function makeRoom(): boolean {
    if (clients.size < maxClients) return true
    const silentSince = uptime() - timeouts.makesRoomAfter
    const [oldest] = [...clients]
      .filter(({ makesRoom, heardAt }) => makesRoom && heardAt < silentSince)
      .sort((client, other) => client.heardAt - other.heardAt)
    if (!crowded) {
      const who = oldest ? 'a silent one was closed' : 'one more was told to come again'
      complain(`over ${maxClients} connections at once (--max-clients); ${who}`)
    }
    crowded = true
    oldest?.dismiss(madeRoom)
    return oldest !== undefined
  }

  return {
    server,
    state: () => ({ clients: clients.size, memory: budget.used }),
    configure(next) {
      state.configuration = next // a message keeps the one that it began with
    },
    close(grace) {
      state.stopping = true
      server.close()
      for (const client of clients) if (client.isIdle) client.dismiss(stopping)
      return clients.drain(grace, (client) => {
        client.dismiss(stopping)
        client.destroySoon()
      })
    },
  }
}

function turnAway(socket: Socket, { bytes }: RawReply): void {
  socket.end(bytes)
  socket.resume()
  socket.setTimeout(defaultTimeouts.leaving, () => socket.destroy())
}

/**
 * Whether a client may connect: by TCP if a network has its address, and always by a socket with a
 * path.
 */
export function mayConnect(remoteAddress: string | undefined, from: readonly Network[]): boolean {
  if (remoteAddress === undefined) return true
  const address = parseIpAddress(remoteAddress)
  return address !== undefined && from.some((network) => contains(network, address))
}
