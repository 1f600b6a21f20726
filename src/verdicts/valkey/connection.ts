import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectByTls } from 'node:tls'
import { readForeignFile } from '../../ground/path/read.ts'
import type { StoreServer } from './address.ts'
import { commandOf, createRespReader, RespError, type RespValue } from './resp-reader.ts'

/** Where one server listens. */
export type ValkeyEndpoint = StoreServer | { readonly path: string }

/** How a server lets us in. */
export interface StoreLogin {
  readonly tls: boolean
  /** File of certificates that its own must be signed by; undefined: the system's. */
  readonly authorities: string | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
  /** The first question: only who may ask it and gets an answer is let in. */
  readonly firstQuestion: RespCommand
}

export type RespCommand = readonly (string | Buffer)[]

/** A connection to a server that has let us in. */
export interface ValkeyConnection {
  readonly isOpen: boolean
  /**
   * Sends commands at once; the replies to them, of which an error is one, too. Rejects if the
   * connection ends before.
   */
  ask(...commands: readonly RespCommand[]): Promise<RespValue[]>
  /** Resolves with the reason when it has ended. */
  readonly ended: Promise<string>
  end(): void
}

/** Under which servers show the connection in CLIENT LIST. */
const NAME = 'onescand'

/**
 * Errors about one key, or about a key that another server of the cluster has: the server itself is
 * well.
 */
const ABOUT_ONE_KEY = /^(?:WRONGTYPE|MOVED|ASK|TRYAGAIN)\b/

/** Whether an error is about one key alone. */
export function isAboutOneKey({ message }: RespError): boolean {
  return ABOUT_ONE_KEY.test(message)
}

/**
 * Connects, and goes through TLS, AUTH, SELECT and the first question. Rejects with a reason in
 * one line. The signal ends it in any of these steps: a server that was stopped takes
 * connections, and says nothing.
 */
export async function openConnection(
  endpoint: ValkeyEndpoint,
  login: StoreLogin,
  signal: AbortSignal,
): Promise<ValkeyConnection> {
  const connection = overSocket(await dial(endpoint, login, signal))
  const end = () => connection.end()
  signal.addEventListener('abort', end)
  try {
    await enter(connection, login)
    return connection
  } catch (error) {
    connection.end()
    throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/**
 * Opens a connection for one question, and ends it. Rejects with a ReplyError if the server
 * refuses; the signal ends it in any step.
 */
export async function askOnce(
  endpoint: ValkeyEndpoint,
  login: Omit<StoreLogin, 'firstQuestion'>,
  question: RespCommand,
  signal: AbortSignal,
): Promise<Exclude<RespValue, RespError>> {
  const connection = await openConnection(endpoint, { ...login, firstQuestion: ['PING'] }, signal)
  const end = () => connection.end()
  signal.addEventListener('abort', end)
  try {
    const [reply = null] = await connection.ask(question)
    if (reply instanceof RespError) throw reply
    return reply
  } finally {
    signal.removeEventListener('abort', end)
    connection.end()
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
    login.tls && 'host' in endpoint
      ? connectByTls({
          ...endpoint,
          ...(isIP(endpoint.host) === 0 && { servername: endpoint.host }),
          ...(authorities !== undefined && { ca: readForeignFile(authorities) }),
        })
      : connect({ ...endpoint })
  try {
    await once(socket, login.tls ? 'secureConnect' : 'connect', { signal })
  } catch (error) {
    socket.on('error', () => {}).destroy()
    throw error
  }
  return socket.setNoDelay(true)
}

async function enter(connection: ValkeyConnection, login: StoreLogin): Promise<void> {
  const { user, password, database, firstQuestion } = login
  if (password !== undefined) {
    const names = user === undefined ? [] : [user]
    const [reply] = await connection.ask(['AUTH', ...names, password])
    // A server that wants no password lets in a client that has one.
    if (
      reply instanceof RespError &&
      !/without any password|no password is set/.test(reply.message)
    )
      throw reply
  }
  const [, ...replies] = await connection.ask(
    ['CLIENT', 'SETNAME', NAME], // it may as well have none
    ...(database === 0 ? [] : [['SELECT', String(database)]]),
    firstQuestion,
  )
  for (const reply of replies) {
    if (reply instanceof RespError && !isAboutOneKey(reply)) throw reply
  }
}

/** Commands that were sent together, and the replies that have come. */
interface PendingCommands {
  readonly replies: RespValue[]
  readonly count: number
  resolve(replies: RespValue[]): void
  reject(error: Error): void
}

function overSocket(socket: Socket): ValkeyConnection {
  /** In the order in which they were asked, which is that of the replies. */
  const waiting: PendingCommands[] = []
  let tellEnd: (why: string) => void
  const ended = new Promise<string>((resolve) => {
    tellEnd = resolve
  })
  let isOpen = true

  function end(why: string): void {
    if (!isOpen) return
    isOpen = false
    socket.destroy()
    for (const { reject } of waiting.splice(0)) reject(new Error(why))
    tellEnd(why)
  }

  const reader = createRespReader((reply) => {
    const [first] = waiting
    if (first === undefined) {
      end('says something that nobody asked')
      return
    }
    first.replies.push(reply)
    if (first.replies.length < first.count) return
    waiting.shift()
    first.resolve(first.replies)
  })
  socket.on('data', (chunk: Buffer) => {
    try {
      if (isOpen) reader.push(chunk)
    } catch (error) {
      end((error as Error).message)
    }
  })
  socket.on('error', (error) => end(error.message))
  socket.on('close', () => end('closes the connection'))
  return {
    get isOpen() {
      return isOpen
    },
    ask(...commands) {
      return new Promise((resolve, reject) => {
        if (!isOpen) return reject(new Error('is not connected'))
        waiting.push({ replies: [], count: commands.length, resolve, reject })
        socket.write(Buffer.concat(commands.map(commandOf)))
      })
    },
    ended,
    end: () => end('was left'),
  }
}
