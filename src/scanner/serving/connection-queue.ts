import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { attempt, errorText } from '../../base/errors/fault.ts'
import { nextTurn } from '../../base/flow/event-loop.ts'
import { answerInTime } from '../../base/flow/timeout.ts'
import { descriptorOf } from '../../base/process/descriptors.ts'
import { requireSystem, type System } from '../../base/runtime/system.ts'

/** The epoll(7) set of the runtime that watches a descriptor, and its struct epoll_event there. */
interface Watched {
  readonly epoll: number
  readonly events: number
  readonly data: bigint
}

/**
 * The connections that wait in the kernel until this process accepts them. The runtimes accept every
 * connection. This class leaves connections in the queue for other processes that listen on the same socket,
 * or for later. A new connection wakes one of these processes instead of all (EPOLLEXCLUSIVE), and the kernel
 * passes over busy ones.
 *
 * The documented way to leave them there is close(), and listen() on a duplicate of the descriptor, which takes 0.06 ms in both
 * runtimes. But each connection would then wake all processes. With a socket for each process (SO_REUSEPORT), those that wait
 * for a process that hangs would be lost with it.
 *
 * Both runtimes wait by epoll(7), so it is enough to take the listening socket out of their set, and to add
 * it again. Bun also calls accept4(2) in a loop until it fails, and its event loop waits for that. So its
 * descriptor refers to /dev/null meanwhile, where accept4(2) fails.
 */
export class ConnectionQueue {
  readonly #system: System
  readonly #server: Server
  readonly #listener: number
  readonly #watched: Watched
  /** A second descriptor of the listening socket. */
  readonly #kept: number
  readonly #nothing = openSync('/dev/null', 'r')
  #isOpen = true

  private constructor(system: System, server: Server, listener: number, watched: Watched) {
    this.#system = system
    this.#server = server
    this.#listener = listener
    this.#watched = watched
    this.#kept = system.duplicate(listener)
    this.#accept()
  }

  /**
   * Takes over the queue of a server for whose connections the runtime waits. Returns undefined
   * if this process does not find what the runtime waits for. Call it only if queueTrouble() has resolved to undefined.
   */
  static of(server: Server): ConnectionQueue | undefined {
    const system = requireSystem('no connection can wait')
    const listener = descriptorOf(server) ?? -1
    const watched = findWatched(listener)
    return watched && new ConnectionQueue(system, server, listener, watched)
  }

  /** Whether a connection waits. */
  get hasWaiting(): boolean {
    return this.#server.listening && this.#system.awaitInput(this.#kept, 0)
  }

  /** Leaves new connections in the kernel from now on. */
  hold(): void {
    if (!this.#server.listening || !this.#isOpen) return
    this.#isOpen = false
    this.#system.wakeNone(this.#watched.epoll, this.#listener)
    this.#system.replace(this.#listener, this.#nothing)
  }

  /** Has connections accepted again. */
  open(): void {
    if (!this.#server.listening || this.#isOpen) return
    this.#isOpen = true
    this.#system.replace(this.#listener, this.#kept)
    this.#accept()
  }

  /**
   * Closes the descriptors. Must be called once, after the server is closed. No other method may be called
   * afterwards.
   */
  close(): void {
    closeSync(this.#kept)
    closeSync(this.#nothing)
  }

  #accept(): void {
    const { epoll, events, data } = this.#watched
    this.#system.wakeOne(epoll, this.#listener, events, data)
  }
}

/** Milliseconds for a connection of queueTrouble(), which takes one or two unless the runtime fails. */
const TRIAL_TIMEOUT = 5_000

let trial: Promise<string | undefined> | undefined

/**
 * Resolves to undefined if connections of this process can wait in the kernel, and otherwise to the reason in one
 * line: they are then accepted as they arrive. ConnectionQueue relies on what the runtimes do not document, so the
 * first call tries it on a socket of its own. Another release of a runtime may wait in another way, and a host may hide a
 * process's descriptors from the process.
 */
export function queueTrouble(): Promise<string | undefined> {
  trial ??= tryQueue().then(
    () => undefined,
    (error) => `connections cannot wait for another worker: ${errorText(error)}`,
  )
  return trial
}

async function tryQueue(): Promise<void> {
  let accepted = 0
  const server = createServer((socket) => {
    accepted++
    socket.on('error', () => {}).destroy()
  })
  let queue: ConnectionQueue | undefined
  try {
    server.listen(0, '127.0.0.1')
    await answerInTime(once(server, 'listening'), TRIAL_TIMEOUT)
    await nextTurn()
    await nextTurn()
    queue = ConnectionQueue.of(server)
    if (queue === undefined) throw new Error('/proc does not show what this runtime waits for')
    const { port } = server.address() as AddressInfo
    queue.hold()
    const client = connect(port, '127.0.0.1')
    client.on('error', () => {})
    await answerInTime(once(client, 'connect'), TRIAL_TIMEOUT)
    for (let turn = 0; turn < 3; turn++) await nextTurn()
    if (accepted > 0 || !queue.hasWaiting) throw new Error('this runtime accepts all of them')
    const taken = once(server, 'connection')
    queue.open()
    await answerInTime(taken, TRIAL_TIMEOUT)
    client.destroy()
  } finally {
    server.close()
    queue?.close()
  }
}

/**
 * Finds the epoll set that watches the descriptor, by fdinfo of proc(5). Returns undefined if no set or
 * several sets do.
 */
function findWatched(descriptor: number): Watched | undefined {
  const found: Watched[] = []
  for (const epoll of readdirSync('/proc/self/fdinfo')) {
    for (const [, fd, events, data] of infoOf(epoll).matchAll(WATCHED)) {
      if (Number(fd) !== descriptor) continue
      found.push({
        epoll: Number(epoll),
        events: Number.parseInt(events!, 16),
        data: BigInt(`0x${data}`),
      })
    }
  }
  return found.length === 1 ? found[0] : undefined
}

/** proc_pid_fdinfo(5): "tfd: 5 events: 19 data: 5 …" */
const WATCHED = /^tfd: +([0-9]+) events: +([0-9a-f]+) data: +([0-9a-f]+)/gm

/** Returns '' for fdinfo's own directory, which is closed by now. Some systems show none. */
const infoOf = (descriptor: string): string =>
  attempt(() => readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1')) ?? ''
