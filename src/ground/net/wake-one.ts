import { readdirSync, readFileSync } from 'node:fs'
import { loadFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'

/** What an epoll(7) descriptor was told about one of the descriptors that it watches. */
interface Watched {
  readonly epoll: number
  /** The bits of struct epoll_event. */
  readonly events: number
  readonly data: bigint
}

/**
 * For a socket on which several processes listen: a new connection wakes one of the waiting
 * processes instead of all of them. Busy processes are passed over, so an idle one still takes the
 * next connection. The process that began to listen first is asked first.
 *
 * Both runtimes wait by epoll(7), and neither sets EPOLLEXCLUSIVE, which epoll_ctl(2) accepts with
 * EPOLL_CTL_ADD alone. So this takes the descriptor out of the runtime's epoll set and adds it
 * again with that bit. Linux shows what the runtime had told it (proc(5), fdinfo).
 *
 * Call it when the runtime waits on the socket: one turn of its loop after it began to listen.
 * Returns whether it worked. If not (Node without koffi, or a system that hides a process's
 * descriptors from itself), a connection wakes all processes, as before.
 */
export async function wakeOne(listener: number): Promise<boolean> {
  const c = await loadFunctions('epoll_ctl')
  const watched = c && findWatched(listener)
  if (watched === undefined) return false
  const event = Buffer.alloc(linux.EVENT_BYTES)
  event.writeBigUInt64LE(watched.data, linux.EVENT_DATA_AT)
  event.writeUInt32LE(watched.events, 0)
  const { epoll } = watched
  if (c!.epoll_ctl(epoll, linux.EPOLL_CTL_DEL, listener, event) !== 0) return false
  event.writeUInt32LE((watched.events | linux.EPOLLEXCLUSIVE) >>> 0, 0)
  if (c!.epoll_ctl(epoll, linux.EPOLL_CTL_ADD, listener, event) === 0) return true
  event.writeUInt32LE(watched.events, 0)
  if (c!.epoll_ctl(epoll, linux.EPOLL_CTL_ADD, listener, event) === 0) return false
  throw new Error(`descriptor ${listener}: the runtime does not wait for connections any more`)
}

/**
 * The one epoll set of this process that watches the descriptor; undefined if none or several do.
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
