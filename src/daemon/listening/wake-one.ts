import { readdirSync, readFileSync } from 'node:fs'
import { loadSystem } from '../../lib/runtime/system.ts'

/**
 * Makes a new connection wake one of the processes that listen on a socket, instead of all of them.
 * The kernel passes over busy processes, so an idle one still takes the next connection. It begins
 * with the process that listened first.
 *
 * Both runtimes wait by epoll(7), and neither sets EPOLLEXCLUSIVE, which epoll_ctl(2) accepts with
 * EPOLL_CTL_ADD alone. So this takes the descriptor out of the runtime's epoll set and adds it
 * again with that bit. Linux shows what the runtime had set for it (proc(5), fdinfo).
 *
 * Call it when the runtime waits on the socket: one turn of its loop after it began to listen. If it
 * does not work (no addon, or a host that hides a process's descriptors from itself), a connection
 * still wakes all processes.
 */
export function wakeOne(listener: number): void {
  const system = loadSystem()
  const watched = system && findWatched(listener)
  if (watched) system.wakeOne(watched.epoll, listener, watched.events, watched.data)
}

/**
 * Finds the epoll(7) set of this process that watches the descriptor, and its struct epoll_event there;
 * undefined if none or several do.
 */
function findWatched(descriptor: number) {
  const found: { epoll: number; events: number; data: bigint }[] = []
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
