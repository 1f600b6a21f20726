import { FIRST_HANDED_OVER } from '../../doors/daemon/handed-over.ts'
import { Fault } from '../../fault.ts'
import type { Libc } from '../../runtime/libc.ts'

/** A socket that is bound already. */
export interface HandedOver {
  readonly fd: number
  readonly family: 4 | 6
  /** For messages. */
  readonly text: string
}

export interface HandedOverSockets {
  readonly udp: readonly HandedOver[]
  readonly http: readonly HandedOver[]
}

/**
 * The sockets that systemd has made for this process, sd_listen_fds(3): datagram sockets are
 * for UDP, others for HTTP. Undefined where there are none. Throws a Fault of kind `config`
 * for one that is neither.
 */
export async function handedOverSockets(
  env: NodeJS.ProcessEnv,
  loadLibc: () => Promise<Libc | undefined>,
): Promise<HandedOverSockets | undefined> {
  const { LISTEN_PID, LISTEN_FDS = '' } = env
  if (LISTEN_PID !== String(process.pid) || !/^[1-9][0-9]{0,2}$/.test(LISTEN_FDS)) return undefined
  const libc = await loadLibc()
  if (libc === undefined) {
    const remedy = 'install the npm package koffi, or use --udp and --http without a socket unit'
    throw new Fault('config', `LISTEN_FDS ${LISTEN_FDS}: cannot tell what they are; ${remedy}`)
  }
  const udp: HandedOver[] = []
  const http: HandedOver[] = []
  for (let fd = FIRST_HANDED_OVER; fd < FIRST_HANDED_OVER + Number(LISTEN_FDS); fd++) {
    const text = `descriptor ${fd}`
    const kind = libc.socketKind(fd)
    if (kind?.family === undefined) {
      throw new Fault('config', `${text}: is no UDP or TCP socket; see ListenDatagram=`)
    }
    const list = kind.type === 'datagram' ? udp : http
    list.push({ fd, family: kind.family, text })
  }
  return { udp, http }
}
