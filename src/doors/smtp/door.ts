import { createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { contains, type Network, parseIpAddress } from '../../ground/net/ip-address.ts'
import { switchedOff } from '../../judge/policy.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { DoorState } from '../../observe/live/process-report.ts'
import type { Configuration } from '../shared/configuration.ts'
import { refusingRules, startJudging } from '../shared/judging.ts'
import { ConnectionSet } from '../shared/limits/connection-set.ts'
import type { Budget } from '../shared/limits/memory-budget.ts'
import { configureAfterQueue } from './after-queue.ts'
import { ClientConnection } from './client.ts'
import { createLoopWatch } from './loops.ts'
import {
  callNextServer,
  type NextServerTimeouts,
  standardNextServerTimeouts,
} from './next-server.ts'
import type { SmtpServer } from './server.ts'
import { SmtpSession, stopping } from './session.ts'
import type { EhloReply } from './wire/extensions.ts'
import { type RawReply, rawReply } from './wire/replies.ts'

/** A place where mail is taken, and where it goes from there. */
export interface SmtpRoute {
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
  readonly timeouts?: SmtpTimeouts
  readonly patience?: NextServerTimeouts
  /** The daemon's own trouble. */
  readonly log: (line: string) => void
  /** What became of each message, a line each. */
  readonly mailLog: (line: Buffer) => void
  /** Who shows what is done with mail. */
  readonly reporter?: MailReporter | undefined
}

/** Milliseconds that a client has: RFC 5321 4.5.3.2.7 wants five minutes at least. */
export interface SmtpTimeouts {
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

export const standardTimeouts: SmtpTimeouts = {
  silence: 300_000,
  command: 300_000,
  content: 3_600_000,
  makesRoomAfter: 5_000,
  leaving: 5_000,
}

/** Milliseconds for which the next server's answer to EHLO counts for other clients, too. */
export const EHLO_COUNTS_FOR = 60_000
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

interface ServedClient {
  readonly client: ClientConnection
  readonly session: SmtpSession
  readonly socket: Socket
  hungUpAt: number | undefined
}

const reply = (code: number, enhanced: string, line: string): RawReply =>
  rawReply({ code, enhanced, lines: [line] })
const tooMany = reply(421, '4.3.2', 'too many connections, try again')
const notAllowed = reply(554, '5.7.1', 'this client may not send mail here (--from)')
const timedOut = reply(421, '4.4.2', 'waited for too long')
const madeRoom = reply(421, '4.3.2', 'silent for too long, others wait')

/** The SMTP door: sessions of mail servers on whatever the server listens on. */
export function createSmtpDoor(
  first: Configuration,
  relay: SmtpRoute,
  options: SmtpOptions,
): SmtpDoor {
  const { maxClients, maxSize, budget, mailLog } = options
  const { timeouts = standardTimeouts, patience = standardNextServerTimeouts } = options
  const name = relay.lmtp ? 'lmtp' : 'smtp'
  const complain = (line: string) => options.log(`${name}: ${line}`)
  const connections = new ConnectionSet<ServedClient>()
  let configuration = first // a message keeps the one that it began with
  let offer: { readonly of: EhloReply; readonly at: number } | undefined
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
    const client = new ClientConnection(socket, now)
    const session = new SmtpSession(smtpServer, client, peer)
    const connection: ServedClient = { client, session, socket, hungUpAt: undefined }
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
    recallEhloReply: () =>
      offer !== undefined && now() - offer.at < EHLO_COUNTS_FOR ? offer.of : undefined,
    rememberEhloReply(of) {
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
      const { heardAt, awaited } = client.activity
      return awaited && !session.amidMessage && now() - heardAt > timeouts.makesRoomAfter
    })
    silent.sort(
      (connection, other) => connection.client.activity.heardAt - other.client.activity.heardAt,
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

  function dismiss({ client }: ServedClient, lastWord: RawReply): void {
    client.say(lastWord)
    client.leave()
  }

  function tickAll(): void {
    const time = now()
    for (const connection of connections) tick(connection, time)
  }

  function tick(connection: ServedClient, time: number): void {
    const { client, socket } = connection
    if (client.gone.aborted) {
      connection.hungUpAt ??= time
      if (time - connection.hungUpAt > timeouts.leaving) socket.destroy()
      return
    }
    const { heardAt, awaited, reading } = client.activity
    if (!awaited) return
    const isSilent = time - heardAt > timeouts.silence
    const most = reading?.what === 'content' ? timeouts.content : timeouts.command
    if (isSilent || (reading !== undefined && time - reading.since > most))
      dismiss(connection, timedOut)
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
        if (!session.amidMessage && client.activity.awaited) dismiss(connection, stopping)
      }
      return connections.drain(grace, (connection) => {
        dismiss(connection, stopping)
        connection.socket.destroySoon()
      })
    },
  }
}

function turnAway(socket: Socket, { bytes }: RawReply): void {
  socket.end(bytes)
  socket.resume()
  socket.setTimeout(standardTimeouts.leaving, () => socket.destroy())
}

/** Whoever may open a socket with a path may connect; by TCP the networks decide. */
export function mayConnect(remoteAddress: string | undefined, from: readonly Network[]): boolean {
  if (remoteAddress === undefined) return true
  const address = parseIpAddress(remoteAddress)
  return address !== undefined && from.some((network) => contains(network, address))
}
