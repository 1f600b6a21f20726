import { errorCode } from '../errors/fault.ts'
import { isCompiled } from '../runtime/compiled-program.ts'

export type ConnectTarget =
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly noDelay: true }

/** The part of node:net's Socket that a client needs if it has one request at a time. */
export interface Connection {
  on(event: 'data', listener: (chunk: Buffer) => void): this
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'connect' | 'end', listener: () => void): this
  removeAllListeners(): this
  /** Calls back when the kernel has taken the whole packet. Write one packet at a time. */
  write(packet: Buffer, done: (error?: Error | null) => void): unknown
  destroy(): unknown
}

/**
 * Loads node:net's connect(). A compiled program gets a small one of our own instead: node:net
 * costs it 3 ms when it starts.
 */
export async function loadConnect(): Promise<(target: ConnectTarget) => Connection> {
  if (isCompiled) return connectOnBun
  return (await import('node:net')).connect
}

/**
 * Resolves to the error as node:net would give it: EAGAIN if the queue of connections is full. Never
 * rejects: looking takes descriptors, and if none is left the error stays as it is.
 */
async function asNodeError(target: ConnectTarget, error: Error): Promise<Error> {
  if (!('path' in target) || errorCode(error) !== 'ECONNREFUSED') return error
  try {
    const { isQueueFull } = await import('./bun-queue-full.ts')
    if (!isQueueFull(target.path)) return error
  } catch {
    return error
  }
  return Object.assign(new Error(`connect EAGAIN ${target.path}`), { code: 'EAGAIN' })
}

function connectOnBun(target: ConnectTarget): Connection {
  const listeners = new Map<string, (value: never) => void>()
  const tell = (event: string, value?: unknown) => listeners.get(event)?.(value as never)
  let socket: BunSocket | undefined
  let destroyed = false
  let rest: Buffer = Buffer.alloc(0)
  let done: ((error?: Error) => void) | undefined

  const finish = (error?: Error) => {
    const call = done
    done = undefined
    call?.(error)
  }
  const push = () => {
    if (!done || !socket) return
    const taken = socket.write(rest)
    if (taken < 0) return finish(new Error('the connection is closed'))
    rest = rest.subarray(taken)
    if (rest.length === 0) finish()
  }

  const tellError = (error: Error) => tell('error', error)
  const start = () =>
    Bun.connect({
      ...('path' in target ? { unix: target.path } : { hostname: target.host, port: target.port }),
      socket: {
        open(opened) {
          socket = opened
          if (destroyed) socket.terminate()
          else tell('connect')
        },
        data: (_, chunk) => tell('data', chunk),
        drain: push,
        end: () => tell('end'),
        close: (_, error) => (error ? tell('error', error) : tell('end')),
        error: (_, error) => tell('error', error),
        connectError: (_, error) => void asNodeError(target, error).then(tellError),
      },
    }).catch(() => {}) // connectError has reported it
  // Bun reports a missing path before connect() returns, and nobody listens for errors then. So the
  // connection starts a turn later.
  queueMicrotask(() => {
    if (!destroyed) start()
  })

  const connection: Connection & { readonly _handle: BunSocket | undefined } = {
    /** The name that node:net has for it; descriptor-of.ts reads it. */
    get _handle() {
      return socket
    },
    on(event: string, listener: (value: never) => void) {
      listeners.set(event, listener)
      return connection
    },
    removeAllListeners() {
      listeners.clear()
      return connection
    },
    write(packet, whenDone) {
      rest = packet
      done = whenDone
      push()
    },
    destroy() {
      destroyed = true
      done = undefined
      socket?.terminate()
    },
  }
  return connection
}
