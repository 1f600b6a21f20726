import { errorText } from '../../../base/errors/fault.ts'
import { TIMED_OUT } from '../../../base/flow/timeout.ts'
import type { DialledEndpoint } from '../../../base/protocol/connection/dial.ts'
import {
  addressName,
  type ClusterTable,
  missingSlots,
  readClusterTable,
  redirectionIn,
  slotOf,
  TABLE_QUESTION,
} from './cluster-table.ts'
import { LastingConnection, type LastingOptions } from './lasting-connection.ts'
import { RespError, type RespValue } from './resp-reader.ts'
import type { ClusterAddress } from './store-address.ts'
import type { RespCommand } from './valkey-connection.ts'

/** Redirections that a request follows: MOVED to the present primary, and that one's ASK. */
const REDIRECTIONS_MAX = 2
/** Milliseconds between two requests for the table. Other tables are not used sooner, either. */
const TABLE_PAUSE = 1_000
/** Milliseconds for a table, for which no mail waits. */
const TABLE_TIMEOUT = 1_500

interface Server {
  readonly endpoint: DialledEndpoint
  readonly connection: LastingConnection
  trouble: string | undefined
}

/**
 * Connections to the primaries of a cluster, each of which is opened again whenever it ends. A request is sent to
 * the primary of its key's slot. If one primary does not answer, the requests for other slots are not affected.
 *
 * Each server sends the table of slots when it accepts this process. A server is asked for it again when another
 * one fails, or replies that a slot has moved. The servers in the address stay connected, because all others may be
 * replaced. A redirection to a server that is not in the table is not followed.
 */
export class ClusterConnection {
  readonly #options: LastingOptions<ClusterAddress>
  readonly #notify: (trouble: string | undefined) => void
  /** By addressName(). */
  readonly #servers = new Map<string, Server>()
  readonly #seeds: ReadonlySet<string>
  #table: ClusterTable | undefined
  #learnedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  /** Requests for the table so far, which go to one server after the other. */
  #lookUps = 0
  /** The server whose trouble was reported. */
  #troubled: string | undefined
  #isClosed = false

  /** `notify` is called as by LastingConnection. */
  constructor(
    options: LastingOptions<ClusterAddress>,
    notify: (trouble: string | undefined) => void,
  ) {
    this.#options = options
    this.#notify = notify
    this.#seeds = new Set(options.address.servers.map(addressName))
    for (const seed of options.address.servers) this.#open(seed)
  }

  /** Whether requests about this key can be sent. */
  isReadyFor(key: string): boolean {
    return this.#connectionTo(this.#nameFor(key)) !== undefined
  }

  /**
   * Sends commands about one key, and resolves and rejects as LastingConnection does. A redirection is followed
   * within the same time.
   */
  async ask(
    key: string,
    commands: readonly RespCommand[],
    within: number,
  ): Promise<readonly RespValue[] | typeof TIMED_OUT> {
    const { uptime } = this.#options
    const until = uptime() + within
    let name = this.#nameFor(key)
    let isAsking = false
    for (let redirections = 0; ; redirections++) {
      const connection = this.#connectionTo(name)
      if (name === undefined || connection === undefined) throw new Error('is not connected')
      const sent = isAsking ? commands.flatMap((command) => [ASKING, command]) : commands
      const replies = await connection.ask(sent, until - uptime())
      if (replies === TIMED_OUT) return TIMED_OUT
      const answers = isAsking ? replies.filter((_, at) => at % 2 === 1) : replies
      const other = redirectionIn(answers, name)
      if (other?.kind === 'MOVED') this.#lookUp()
      if (other === undefined || redirections === REDIRECTIONS_MAX) return answers
      // In too short a time, a server that works would seem to be silent.
      if (until - uptime() < within / 2) return TIMED_OUT
      name = other.name
      isAsking = other.kind === 'ASK'
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const { connection } of this.#servers.values()) connection.close()
    this.#servers.clear()
  }

  #nameFor(key: string): string | undefined {
    return this.#table?.slots[slotOf(key)]
  }

  /** Returns the connection to this server, if it can be used. */
  #connectionTo(name = ''): LastingConnection | undefined {
    const connection = this.#servers.get(name)?.connection
    return connection?.isReady ? connection : undefined
  }

  #open(endpoint: DialledEndpoint): void {
    const name = addressName(endpoint)
    if (this.#servers.has(name)) return
    const { text, user } = this.#options.address
    const options = {
      ...this.#options,
      address: { kind: 'server', server: endpoint, database: 0, text, user },
    } as const
    const notify = (trouble: string | undefined) => {
      server.trouble = trouble
      this.#report()
    }
    const connection = new LastingConnection(options, TABLE_QUESTION, notify, (table) =>
      this.#learn(table, server),
    )
    const server: Server = { endpoint, connection, trouble: undefined }
    this.#servers.set(name, server)
  }

  /** Uses the table that a server has sent. */
  #learn(reply: RespValue, sender: Server): void {
    const now = this.#options.uptime()
    if (this.#isClosed || now - this.#learnedAt < TABLE_PAUSE) return
    try {
      if (reply instanceof RespError) throw reply
      this.#use(readClusterTable(String(reply), sender.endpoint))
      this.#learnedAt = now
      sender.trouble = undefined
    } catch (error) {
      sender.trouble = errorText(error)
    }
    this.#report()
  }

  #use(table: ClusterTable): void {
    this.#table = table
    for (const [name, { connection }] of this.#servers) {
      if (table.primaries.has(name) || this.#seeds.has(name)) continue
      this.#servers.delete(name)
      connection.close()
    }
    for (const primary of table.primaries.values()) this.#open(primary)
  }

  /** Requests the table after a pause, from a server that answers. */
  #lookUp(): void {
    if (this.#isClosed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const ready = [...this.#servers.values()].filter(({ connection }) => connection.isReady)
      const server = ready[this.#lookUps++ % ready.length]
      if (server !== undefined) void this.#requestTable(server)
      else this.#report()
    }, TABLE_PAUSE)
  }

  async #requestTable(server: Server): Promise<void> {
    const asked = server.connection.ask([TABLE_QUESTION], TABLE_TIMEOUT)
    const replies = await asked.catch((): typeof TIMED_OUT => TIMED_OUT)
    if (replies !== TIMED_OUT) this.#learn(replies[0]!, server)
    else this.#report()
  }

  /**
   * Reports the trouble of a server that has slots, or that some slots have no server. While there is no table, the
   * trouble of any server. The table is requested until there is none.
   */
  #report(): void {
    if (this.#isClosed) return
    const names = [...(this.#table?.owners ?? this.#servers.keys())]
    const isTroubled = (name = '') => this.#servers.get(name)?.trouble !== undefined
    const isSame = names.includes(this.#troubled ?? '') && isTroubled(this.#troubled)
    if (!isSame) this.#troubled = names.find(isTroubled)
    const trouble = this.#servers.get(this.#troubled ?? '')?.trouble
    const missing = this.#table && missingSlots(this.#table)
    const reason = trouble === undefined ? missing : `${this.#troubled}: ${trouble}`
    this.#notify(reason)
    if (reason !== undefined) this.#lookUp()
  }
}

/** Has the server answer the next command about a slot that is being moved to it. */
const ASKING: RespCommand = ['ASKING']
