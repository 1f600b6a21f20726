import { getSystemErrorName } from 'node:util'
import type { CFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'

/** An epoll(7) set that wakes this process by a signal: fcntl(2), F_SETOWN and O_ASYNC. */
export interface SocketWatch {
  /**
   * From now on the process gets the signal when the descriptor has something to report, and
   * events() returns that under `id`. Returns false if the descriptor cannot be watched.
   */
  watch(fd: number, id: number, what: 'talking' | 'leaving'): boolean
  /** Changes for what a descriptor is watched. */
  watchAnew(fd: number, id: number, what: 'talking' | 'leaving'): void
  /** Ends the watch for good; another program has the descriptor from now on. */
  unwatch(fd: number): void
  /** Ends the watch for now. The signal stays on, also for others that have the descriptor. */
  rest(fd: number): void
  /** Returns what has happened to watched descriptors, some hundred events at most. */
  events(): readonly SocketEvent[]
}

export interface SocketEvent {
  readonly id: number
  /** The client has ended its half, or the connection broke. */
  readonly isEnd: boolean
}

/** The signal that a process gets if a watched descriptor has something to report. */
export const WAKING_SIGNAL = 'SIGIO'

const EVENTS_AT_ONCE = 256

export const WATCH_FUNCTIONS = ['epoll_create1', 'epoll_ctl', 'epoll_wait', 'fcntl'] as const

/** Throws if the kernel gives no epoll set. */
export function socketWatch(c: CFunctions<(typeof WATCH_FUNCTIONS)[number]>): SocketWatch {
  const epoll = c.epoll_create1(linux.EPOLL_CLOEXEC)
  if (epoll < 0) throw new Error(`epoll_create1: ${getSystemErrorName(-c.errno())}`)
  const event = Buffer.alloc(linux.EVENT_BYTES)
  const events = Buffer.alloc(linux.EVENT_BYTES * EVENTS_AT_ONCE)

  function setEvent(id: number, what: 'talking' | 'leaving'): void {
    event.writeUInt32LE(what === 'talking' ? linux.EPOLLIN | linux.EPOLLRDHUP : linux.EPOLLRDHUP, 0)
    event.writeUInt32LE(id % 2 ** 32, linux.EVENT_DATA_AT)
    event.writeUInt32LE(Math.floor(id / 2 ** 32), linux.EVENT_DATA_AT + 4)
  }

  function eventAt(at: number): SocketEvent {
    const low = events.readUInt32LE(at + linux.EVENT_DATA_AT)
    const high = events.readUInt32LE(at + linux.EVENT_DATA_AT + 4)
    const what = events.readUInt32LE(at)
    return {
      id: high * 2 ** 32 + low,
      isEnd: (what & (linux.EPOLLRDHUP | linux.EPOLLHUP | linux.EPOLLERR)) !== 0,
    }
  }

  /** Turns the signal of a descriptor on or off, and leaves its other flags as they are. */
  function signal(fd: number, isOn: boolean): void {
    const flags = c.fcntl(fd, linux.F_GETFL, 0)
    c.fcntl(fd, linux.F_SETFL, isOn ? flags | linux.O_ASYNC : flags & ~linux.O_ASYNC)
  }

  return {
    watch(fd, id, what) {
      setEvent(id, what)
      if (c.epoll_ctl(epoll, linux.EPOLL_CTL_ADD, fd, event) !== 0) return false
      // Events from before the signal was on wake nobody: the caller has to look once.
      c.fcntl(fd, linux.F_SETOWN, process.pid)
      signal(fd, true)
      return true
    },
    watchAnew(fd, id, what) {
      setEvent(id, what)
      c.epoll_ctl(epoll, linux.EPOLL_CTL_MOD, fd, event)
    },
    rest(fd) {
      c.epoll_ctl(epoll, linux.EPOLL_CTL_DEL, fd, event)
    },
    unwatch(fd) {
      c.epoll_ctl(epoll, linux.EPOLL_CTL_DEL, fd, event)
      signal(fd, false)
    },
    events() {
      const count = Math.max(0, c.epoll_wait(epoll, events, EVENTS_AT_ONCE, 0))
      return Array.from({ length: count }, (_, index) => eventAt(index * linux.EVENT_BYTES))
    },
  }
}
