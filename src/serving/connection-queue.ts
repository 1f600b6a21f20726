import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { descriptorOf } from '../lib/process/descriptors.ts'
import { loadSystem, type System } from '../lib/runtime/system.ts'

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
   * Takes over the queue of a server for whose connections the runtime waits. Returns undefined without the
   * addon, or on a host that hides a process's descriptors from the process. Connections are then accepted as
   * they arrive.
   */
  static of(server: Server): ConnectionQueue | undefined {
    const system = loadSystem()
    const listener = descriptorOf(server) ?? -1
    const watched = system && findWatched(listener)
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

function infoOf(descriptor: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1')
  } catch {
    return '' // fdinfo's own directory is closed by now, and some systems show none
  }
}
