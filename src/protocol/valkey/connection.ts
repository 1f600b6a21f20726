import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectByTls } from 'node:tls'
import { errorText } from '../../ground/errors/fault.ts'
import type { Endpoint } from '../../ground/net/endpoint.ts'
import { readForeignFile } from '../../ground/path/open.ts'
import { commandOf, RespError, RespReader, type RespValue } from './resp-reader.ts'

/** The address of one server: host and port, or a socket's path. */
export type ValkeyEndpoint = Endpoint | { readonly path: string }

/** What a server needs to let this process in. */
export interface StoreLogin {
  readonly isSecure: boolean
  /** File of the authorities that must have signed the server's certificate; undefined: the system's. */
  readonly authorities: string | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
}

/** A command as its words: `['SET', key, value]`. */
export type RespCommand = readonly (string | Buffer)[]

/** The name of the connection in a server's CLIENT LIST. */
const NAME = 'onescand'

/** Whether an error is about one key only, and the server itself is well. */
export function isAboutOneKey({ message }: RespError): boolean {
  return message.startsWith('WRONGTYPE ')
}

/**
 * Connects, goes through TLS, AUTH and SELECT, and asks a first question. Rejects with a reason in one
 * line, also if the server refuses the question. The signal ends each of these steps, because a stopped
 * server takes connections and says nothing.
 */
export async function openConnection(
  endpoint: ValkeyEndpoint,
  login: StoreLogin,
  question: RespCommand,
  signal: AbortSignal,
): Promise<{ readonly connection: ValkeyConnection; readonly reply: RespValue }> {
  const connection = new ValkeyConnection(await dial(endpoint, login, signal))
  const close = () => connection.close()
  signal.addEventListener('abort', close)
  try {
    // A server that refuses this host says why and closes at once. A command to it would fail before that
    // is read, so what is there is read first.
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    return { connection, reply: await enter(connection, login, question) }
  } catch (error) {
    connection.close()
    throw error
  } finally {
    signal.removeEventListener('abort', close)
  }
}

async function dial(
  endpoint: ValkeyEndpoint,
  login: StoreLogin,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted()
  const { authorities } = login
  const socket =
    login.isSecure && 'host' in endpoint
      ? connectByTls({
          ...endpoint,
          ...(isIP(endpoint.host) === 0 && { servername: endpoint.host }),
          ...(authorities !== undefined && { ca: readForeignFile(authorities) }),
        })
      : connect({ ...endpoint })
  try {
    await once(socket, login.isSecure ? 'secureConnect' : 'connect', { signal })
  } catch (error) {
    socket.on('error', () => {}).destroy()
    throw error
  }
  return socket.setNoDelay(true)
}

async function enter(
  connection: ValkeyConnection,
  { user, password, database }: StoreLogin,
  question: RespCommand,
): Promise<RespValue> {
  if (password !== undefined) {
    const names = user === undefined ? [] : [user]
    const [reply] = await connection.ask(['AUTH', ...names, password])
    // A server without a password answers so, and lets the client in.
    if (
      reply instanceof RespError &&
      !/without any password|no password is set/.test(reply.message)
    )
      throw reply
  }
  const [, ...replies] = await connection.ask(
    ['CLIENT', 'SETNAME', NAME], // an error does not matter
    ...(database === 0 ? [] : [['SELECT', String(database)]]),
    question,
  )
  for (const reply of replies) {
    if (reply instanceof RespError && !isAboutOneKey(reply)) throw reply
  }
  return replies.at(-1)!
}

/** Commands that were sent together, and their replies so far. */
interface PendingCommands {
  readonly replies: RespValue[]
  readonly count: number
  resolve(replies: RespValue[]): void
  reject(error: Error): void
}

/** A connection to a server. */
export class ValkeyConnection {
  /** Resolves with the reason when it has ended. */
  readonly ended: Promise<string>
  readonly #socket: Socket
  readonly #reader = new RespReader((reply) => this.#take(reply))
  /** In the order in which they were sent, which is the order of the replies. */
  readonly #waiting: PendingCommands[] = []
  /** Why it has ended. */
  #endedBy: string | undefined
  /** The last reply, if it is an error. */
  #complaint: string | undefined
  #tellEnd: (why: string) => void = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    this.ended = new Promise((resolve) => {
      this.#tellEnd = resolve
    })
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#end(error.message))
    socket.on('close', () => this.#end('closes the connection'))
  }

  /**
   * Sends commands at once. Resolves to their replies, of which each may be an error. Rejects if the
   * connection ends before that.
   */
  ask(...commands: readonly RespCommand[]): Promise<RespValue[]> {
    return new Promise((resolve, reject) => {
      if (this.#endedBy !== undefined) return reject(new Error(this.#endedBy))
      this.#waiting.push({ replies: [], count: commands.length, resolve, reject })
      this.#socket.write(Buffer.concat(commands.map(commandOf)))
    })
  }

  close(): void {
    this.#end('was left')
  }

  #receive(chunk: Buffer): void {
    try {
      if (this.#endedBy === undefined) this.#reader.push(chunk)
    } catch (error) {
      this.#end(errorText(error))
    }
  }

  #take(reply: RespValue): void {
    const [first] = this.#waiting
    this.#complaint = reply instanceof RespError ? reply.message : undefined
    if (first === undefined) {
      this.#end('says something that nobody asked')
      return
    }
    first.replies.push(reply)
    if (first.replies.length < first.count) return
    this.#waiting.shift()
    first.resolve(first.replies)
  }

  /** Ends it. What the server itself has complained of before says more than how the connection ended. */
  #end(how: string): void {
    if (this.#endedBy !== undefined) return
    const why = this.#complaint ?? how
    this.#endedBy = why
    this.#socket.destroy()
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(why))
    this.#tellEnd(why)
  }
}
