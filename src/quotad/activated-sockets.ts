import { Fault } from '../ground/errors/fault.ts'
import { activatedDescriptors } from '../ground/process/systemd.ts'
import { requireSystem } from '../ground/runtime/system.ts'

/** A socket that systemd has bound already. */
export interface ActivatedSocket {
  readonly fd: number
  readonly family: 4 | 6
  /** Its name in error messages. */
  readonly text: string
}

interface ActivatedSockets {
  readonly udp: readonly ActivatedSocket[]
  readonly http: readonly ActivatedSocket[]
}

/**
 * Returns the sockets that systemd has made for this process, sd_listen_fds(3): datagram sockets
 * serve UDP, stream sockets HTTP. Returns undefined if there are none. Throws a Fault of kind
 * `config` if one of them is neither.
 */
export function activatedSockets(env: NodeJS.ProcessEnv): ActivatedSockets | undefined {
  const fds = activatedDescriptors(env)
  if (fds.length === 0) return undefined
  const system = requireSystem(
    `LISTEN_FDS ${fds.length} is of no use: use --udp and --http without a socket unit`,
  )
  const udp: ActivatedSocket[] = []
  const http: ActivatedSocket[] = []
  for (const fd of fds) {
    const text = `descriptor ${fd}`
    const kind = system.socketKind(fd)
    if (kind === undefined) {
      throw new Fault('config', `${text}: is not a UDP or TCP socket; see ListenDatagram=`)
    }
    const list = kind.type === 'datagram' ? udp : http
    list.push({ fd, family: kind.family, text })
  }
  return { udp, http }
}
