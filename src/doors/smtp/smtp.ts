import { createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { contains, type Network, parseAddress } from '../../ground/net/address.ts'
import { switchedOff } from '../../judge/policy.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { DoorState } from '../../observe/live/process-report.ts'
import type { Configuration } from '../shared/configuration.ts'
import { ConnectionSet } from '../shared/connection-set.ts'
import { refusingRules, startJudging } from '../shared/judging.ts'
import type { Budget } from '../shared/memory.ts'
import { configureAfterQueue } from './after-queue.ts'
import { ClientLine } from './client.ts'
import { createLoopWatch } from './loops.ts'
import { callNextServer, type Patience, standardPatience } from './next-server.ts'
import type { SmtpServer } from './server.ts'
import { SmtpSession, stopping } from './session.ts'
import type { Offer } from './wire/extensions.ts'
import { type Reply, replyFrom } from './wire/replies.ts'

/** A place where mail is taken, and where it goes from there. */
export interface Relay {
  /** Whether LMTP is spoken, on both sides. */
  readonly lmtp: boolean
  readonly next: { readonly text: string; readonly options: NetConnectOpts }
  /** Who may connect by TCP. */
  readonly from: readonly Network[]
  readonly afterQueue: boolean
  readonly refusesBareNewlines: boolean
}

export interface SmtpOptions {
  /** Sessions at once. If one more comes, one that is silent between messages makes room, or the new one is told to come again. */
  readonly maxClients: number
  /** Bytes of a message. */
  readonly maxSize: number
  /** Of the whole process, for what is kept of messages in memory. */
  readonly budget: Budget
  readonly timeouts?: Timeouts
  readonly patience?: Patience
  /** The daemon's own trouble. */
  readonly log: (line: string) => void
  /** What became of each message, a line each. */
  readonly mailLog: (line: Buffer) => void
  /** Who shows what is done with mail. */
  readonly reporter?: MailReporter | undefined
}

/** Milliseconds that a client has: RFC 5321 4.5.3.2.7 wants five minutes at least. */
export interface Timeouts {
  /** Of silence. */
  readonly silence: number
  /** From the first byte of a command to its last. */
  readonly command: number
  /** The same for the content of a message. */
  readonly content: number
  /** Of silence between messages, after which it makes room for another one. */
  readonly makesRoomAfter: number
  /** For the last word to be taken. */
  readonly leaving: number
}

export const standardTimeouts: Timeouts = {
  silence: 300_000,
  command: 300_000,
  content: 3_600_000,
  makesRoomAfter: 5_000,
  leaving: 5_000,
}

/** Milliseconds for which the next server's answer to EHLO counts for other clients, too. */
export const OFFER_FOR = 60_000
/** Milliseconds between looks at what is due. */
const TICK_MAX = 1000

export interface SmtpDoor {
  /** Not listening yet. */
  readonly server: Server
  /** For the messages that come from now on. */
  configure(configuration: Configuration): void
  /**
   * Takes no more connections, and resolves when all are over: those amid a message when it
   * is answered, or told to come again after `grace` milliseconds; all others at once.
   */
  close(grace: number): Promise<void>
  state(): DoorState
}

interface Connection {
  readonly client: ClientLine
  readonly session: SmtpSession
  readonly socket: Socket
  leftAt: number | undefined
}

const saying = (code: number, enhanced: string, line: string): Reply =>
  replyFrom({ code, enhanced, lines: [line] })
const tooMany = saying(421, '4.3.2', 'too many connections, try again')
const notAllowed = saying(554, '5.7.1', 'this client may not send mail here (--from)')
const timedOut = saying(421, '4.4.2', 'waited for too long')
const madeRoom = saying(421, '4.3.2', 'silent for too long, others wait')

/** The SMTP door: sessions of mail servers on whatever the server listens on. */
export function createSmtpDoor(first: Configuration, relay: Relay, options: SmtpOptions): SmtpDoor {
  const { maxClients, maxSize, budget, mailLog } = options
  const { timeouts = standardTimeouts, patience = standardPatience } = options
  const name = relay.lmtp ? 'lmtp' : 'smtp'
  const complain = (line: string) => options.log(`${name}: ${line}`)
  const connections = new ConnectionSet<Connection>()
  let configuration = first // a message keeps the one that it began with
  let offer: { readonly of: Offer; readonly at: number } | undefined
  let isStopping = false
  let crowded = false
  let ticker: NodeJS.Timeout | undefined
  const now = () => performance.now()
  const callNext = () => callNextServer(relay.next, patience)

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const { remoteAddress } = socket
    socket.on('error', () => socket.destroy())
    if (!mayConnect(remoteAddress, relay.from)) {
      complain(`${remoteAddress} may not connect (--from)`)
      turnAway(socket, notAllowed)
    } else if (!makeRoom()) turnAway(socket, tooMany)
    else serve(socket, remoteAddress)
  })
  server.on('error', (error) => complain(error.message))

  function serve(socket: Socket, peer: string | undefined): void {
    const client = new ClientLine(socket, now)
    const session = new SmtpSession(smtpServer, client, peer)
    const connection: Connection = { client, session, socket, leftAt: undefined }
    connections.add(connection)
    ticker ??= setInterval(tickAll, Math.min(TICK_MAX, Math.ceil(timeouts.silence / 2)))
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    void Promise.all([session.run(), closed]).then(() => {
      connections.delete(connection)
      if (connections.size < maxClients) crowded = false
      if (connections.size > 0) return
      clearInterval(ticker)
      ticker = undefined
    })
  }

  const smtpServer: SmtpServer = {
    lmtp: relay.lmtp,
    hostname: hostname(),
    afterQueue: relay.afterQueue,
    refusesBareNewlines: relay.refusesBareNewlines,
    maxSize,
    get stopping() {
      return isStopping
    },
    get quota() {
      return switchedOff(configuration.place) === undefined ? configuration.quota : undefined
    },
    // Once mail is in a queue, nobody is refused.
    get rules() {
      return relay.afterQueue ? undefined : refusingRules(configuration)
    },
    isTrial: (sender) => configuration.isTrial?.(sender) ?? false,
    startJudging: () =>
      startJudging(relay.afterQueue ? configureAfterQueue(configuration) : configuration),
    openLease: budget.open,
    callNext,
    loops: createLoopWatch({ lmtp: relay.lmtp, callNext, complain, now }),
    recallOffer: () => (offer !== undefined && now() - offer.at < OFFER_FOR ? offer.of : undefined),
    rememberOffer(of) {
      offer = { of, at: now() }
    },
    log: mailLog,
    complain,
    begin: options.reporter?.begin,
    now,
  }

  /** The one that has been silent for longest between messages goes. Said once, until there is room again. */
  function makeRoom(): boolean {
    if (connections.size < maxClients) return true
    const silent = [...connections].filter(({ client, session }) => {
      const { heard, awaited } = client.standing
      return awaited && !session.amidMessage && now() - heard > timeouts.makesRoomAfter
    })
    silent.sort(
      (connection, other) => connection.client.standing.heard - other.client.standing.heard,
    )
    const [oldest] = silent
    if (!crowded) {
      const who = oldest ? 'a silent one was closed' : 'one more was told to come again'
      complain(`over ${maxClients} connections at once (--max-clients); ${who}`)
    }
    crowded = true
    if (oldest) dismiss(oldest, madeRoom)
    return oldest !== undefined
  }

  function dismiss({ client }: Connection, lastWord: Reply): void {
    client.say(lastWord)
    client.leave()
  }

  function tickAll(): void {
    const time = now()
    for (const connection of connections) tick(connection, time)
  }

  function tick(connection: Connection, time: number): void {
    const { client, socket } = connection
    if (client.gone.aborted) {
      connection.leftAt ??= time
      if (time - connection.leftAt > timeouts.leaving) socket.destroy()
      return
    }
    const { heard, awaited, at } = client.standing
    if (!awaited) return
    const isSilent = time - heard > timeouts.silence
    const most = at?.what === 'content' ? timeouts.content : timeouts.command
    if (isSilent || (at !== undefined && time - at.since > most)) dismiss(connection, timedOut)
  }

  return {
    server,
    state: () => ({ clients: connections.size, memory: budget.used }),
    configure(next) {
      configuration = next
    },
    close(grace) {
      isStopping = true
      server.close()
      for (const connection of connections) {
        const { client, session } = connection
        if (!session.amidMessage && client.standing.awaited) dismiss(connection, stopping)
      }
      return connections.drain(grace, (connection) => {
        dismiss(connection, stopping)
        connection.socket.destroySoon()
      })
    },
  }
}

function turnAway(socket: Socket, { bytes }: Reply): void {
  socket.end(bytes)
  socket.resume()
  socket.setTimeout(standardTimeouts.leaving, () => socket.destroy())
}

/** Whoever may open a socket with a path may connect; by TCP the networks decide. */
export function mayConnect(remoteAddress: string | undefined, from: readonly Network[]): boolean {
  if (remoteAddress === undefined) return true
  const address = parseAddress(remoteAddress)
  return address !== undefined && from.some((network) => contains(network, address))
}
