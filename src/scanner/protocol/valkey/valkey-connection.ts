import { errorText } from '../../../base/errors/fault.ts'
import { nextTurn } from '../../../base/flow/event-loop.ts'
import { type DialledServer, dial } from '../../../base/protocol/connection/dial.ts'
import { ServerWire } from '../../../base/protocol/connection/server-wire.ts'
import { commandOf, RespError, RespReader, type RespValue } from './resp-reader.ts'

/** The data that a server requires to accept this process. */
export interface StoreLogin {
  /** As in StoreAccess. */
  readonly authorities: string | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
}

/** The words of a command: `['SET', key, value]`. */
export type RespCommand = readonly (string | Buffer)[]

/** The name of the connection in a server's CLIENT LIST. */
const NAME = 'onescand'

/** Returns whether an error is about one key only, and the server itself works. */
export function isAboutOneKey({ message }: RespError): boolean {
  return message.startsWith('WRONGTYPE ')
}

/**
 * Connects, performs TLS, AUTH and SELECT, and sends a first request. Rejects with a reason in one line, also
 * if the server refuses the request. The signal ends each of these steps, because a stopped server accepts
 * connections and sends nothing.
 */
export async function openConnection(
  server: DialledServer,
  login: StoreLogin,
  question: RespCommand,
  signal: AbortSignal,
): Promise<{ readonly connection: ValkeyConnection; readonly reply: RespValue }> {
  signal.throwIfAborted()
  const connection = new ValkeyConnection(server, login)
  try {
    return { connection, reply: await connection.enter(login, question, signal) }
  } catch (error) {
    connection.close()
    throw error
  }
}

export class ValkeyConnection {
  readonly #wire: ServerWire
  readonly #reader = new RespReader((reply) => this.#takeReply(reply))
  /** Received replies that were not taken. */
  readonly #replies: RespValue[] = []
  /** The number of outstanding replies. */
  #owed = 0
  /** Resolves when the replies to all commands so far were taken. */
  #taken: Promise<unknown> = Promise.resolve()
  /** The last reply, if it is an error. */
  #complaint: string | undefined

  constructor(server: DialledServer, { authorities }: StoreLogin) {
    this.#wire = new ServerWire(dial(server, authorities), {
      push: (chunk) => this.#reader.push(chunk),
      // An earlier complaint of the server is more informative than how the connection ended.
      explain: (error) =>
        new Error(this.#complaint ?? (error ? errorText(error) : 'closes the connection')),
    })
  }

  /**
   * Resolves, when the connection has ended, to the reason, and to whether it was idle: no reply was
   * outstanding, and there was no error.
   */
  async ended(): Promise<{ readonly reason: string; readonly wasIdle: boolean }> {
    const { message } = await this.#wire.read(() => this.#wire.lost)
    return { reason: message, wasIdle: this.#owed === 0 && this.#complaint === undefined }
  }

  /** Performs AUTH and SELECT, and sends a first request, as described for openConnection(). */
  async enter(login: StoreLogin, question: RespCommand, signal: AbortSignal): Promise<RespValue> {
    return this.#wire.during(signal, async () => {
      await this.#wire.connected()
      // A server that refuses this host sends the reason and closes immediately. A command would fail before
      // that is read, so the received data is read first.
      await nextTurn()
      await nextTurn()
      await this.#logIn(login)
      const [, ...replies] = await this.ask(
        ['CLIENT', 'SETNAME', NAME], // an error reply is ignored
        ...(login.database === 0 ? [] : [['SELECT', String(login.database)]]),
        question,
      )
      for (const reply of replies) {
        if (reply instanceof RespError && !isAboutOneKey(reply)) throw reply
      }
      return replies.at(-1)!
    })
  }

  /**
   * Sends commands at once. Resolves to their replies, of which each may be an error. Rejects if the
   * connection ends before that.
   */
  async ask(...commands: readonly RespCommand[]): Promise<RespValue[]> {
    const count = commands.length
    this.#owed += count
    this.#wire.send(Buffer.concat(commands.map(commandOf))).catch(() => {}) // read() below reports the error
    const find = () => (this.#replies.length < count ? undefined : this.#replies.splice(0, count))
    const taken = this.#taken.then(() => this.#wire.read(find))
    this.#taken = taken
    return taken
  }

  close(): void {
    this.#wire.end(new Error('onescan closed the connection'))
  }

  async #logIn({ user, password }: StoreLogin): Promise<void> {
    if (password === undefined) return
    const names = user === undefined ? [] : [user]
    const [reply] = await this.ask(['AUTH', ...names, password])
    if (!(reply instanceof RespError)) return
    // A server without a password answers so, and lets the client in.
    if (!/without any password|no password is set/.test(reply.message)) throw reply
  }

  #takeReply(reply: RespValue): void {
    this.#complaint = reply instanceof RespError ? reply.message : undefined
    if (this.#owed === 0) throw new Error('sent an unexpected reply')
    this.#owed--
    this.#replies.push(reply)
  }
}
