import { readdirSync, readFileSync } from 'node:fs'
import { loadFunctions } from './foreign.ts'
import * as linux from './linux.ts'

/** What an epoll(7) descriptor waits for on one of the descriptors that it watches. */
interface Watched {
  readonly epoll: number
  /** As in struct epoll_event. */
  readonly events: number
  readonly data: bigint
}

/**
 * For a socket that several processes listen on: a connection wakes one that waits, and not all of
 * them, of which all but one wake for nothing. Whoever is busy is passed over, so that an idle one
 * still takes the next connection; the one that began to listen first is asked first.
 *
 * Both runtimes wait by epoll(7), and neither says EPOLLEXCLUSIVE, which epoll_ctl(2) takes with
 * EPOLL_CTL_ADD alone. So the descriptor is taken out of the set of the runtime, which Linux shows
 * with what it was told (proc(5), fdinfo), and put back with one bit more.
 *
 * To be called when the runtime waits on the socket: a turn of its loop after it began to listen.
 * Whether it is so now. If not (Node without koffi, a system that does not show a process its own
 * descriptors), a connection wakes all of them as before.
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

/** The set of this process that the descriptor is in, if it is in one alone. */
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
    return '' // that of the directory itself is closed, and some systems show none
  }
}
