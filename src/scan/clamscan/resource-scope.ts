import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/**
 * Runs `work`, and frees everything that it opens, however deep inside a package: when the work is
 * done, and at the signal, its programs are killed and its sockets closed. Rejects at the signal, and
 * if a socket fails or closes while the work waits. The package clamscan does none of this: it waits
 * for ever for a clamd that closed the connection, and leaves its clamscan running.
 */
export async function withResourceScope<Result>(
  signal: AbortSignal,
  work: (scope: ResourceScope) => Promise<Result>,
): Promise<Result> {
  watch()
  signal.throwIfAborted()
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  const scope = new ResourceScope(fail)
  const abort = () => fail(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([owner.run(scope, () => work(scope)), failed])
  } finally {
    signal.removeEventListener('abort', abort)
    scope.release()
  }
}

/** The programs and sockets that one piece of work has opened. */
export class ResourceScope {
  /** Ends the work with an error. */
  readonly fail: (error: unknown) => void
  readonly #children = new Set<ChildProcess>()
  readonly #sockets = new Set<Socket>()
  #isReleased = false

  constructor(fail: (error: unknown) => void) {
    this.fail = fail
  }

  addChild(child: ChildProcess): void {
    this.#children.add(child)
    // This is called before the process runs: it has a process id one turn later.
    if (this.#isReleased) setImmediate(() => child.kill('SIGKILL'))
  }

  addSocket(socket: Socket): void {
    this.#sockets.add(socket)
    if (this.#isReleased) socket.destroy()
  }

  /** Kills all programs and closes all sockets, and also those that are opened from now on. */
  release(): void {
    this.#isReleased = true
    for (const child of this.#children) child.kill('SIGKILL')
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Resolves when every socket takes more data. */
  async drained(): Promise<void> {
    for (const socket of this.#sockets) {
      if (!socket.writableNeedDrain) continue
      await new Promise<void>((resolve) => {
        const done = () => {
          socket.off('drain', done).off('close', done)
          resolve()
        }
        socket.on('drain', done).on('close', done)
      })
    }
  }
}

/**
 * The scope of the work that is running. It follows every callback of that work, so that messages
 * which are scanned at the same time have scopes of their own.
 */
const owner = new AsyncLocalStorage<ResourceScope>()
/** Whether the two subscriptions exist. They last as long as the process. */
let watching = false

/** Subscribes to every program and connection that Node opens (node:diagnostics_channel). */
function watch(): void {
  if (watching) return
  watching = true
  subscribe('child_process', (message) => {
    owner.getStore()?.addChild((message as { process: ChildProcess }).process)
  })
  subscribe('net.client.socket', (message) => {
    const scope = owner.getStore()
    if (scope) hold((message as { socket: Socket }).socket, scope)
  })
}

function hold(socket: Socket, scope: ResourceScope): void {
  scope.addSocket(socket)
  // One turn later, so that an answer that came together with the close counts.
  const closed = () => setImmediate(() => scope.fail(new Error('clamd closed the connection')))
  socket.once('close', closed)
  // The package prints a socket's errors to fd 2, which may be the caller's error pipe.
  const { emit } = socket
  socket.emit = (event: string | symbol, ...values: unknown[]) => {
    if (event !== 'error') return Reflect.apply(emit, socket, [event, ...values])
    scope.fail(values[0])
    return true
  }
}
