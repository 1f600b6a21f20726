import type { Socket } from 'node:net'
import type { LogEntry } from '../../log.ts'
import type { Libc } from '../../runtime/libc.ts'

/** What the log tells of who is at the other end of a unix socket. */
export type DescribePeer = (socket: Socket) => readonly LogEntry[]

/**
 * As the kernel knows it: unix(7), SO_PEERCRED. It decides nothing, since the socket's
 * mode and group say who may connect. Nothing where there is no way to ask.
 */
export function describePeerBy(libc: Libc | undefined): DescribePeer {
  return (socket) => {
    const fd = descriptorOf(socket)
    const peer = fd === undefined ? undefined : libc?.peerOf(fd)
    return peer === undefined
      ? []
      : [
          ['peer_uid', peer.uid],
          ['peer_pid', peer.pid],
        ]
  }
}

/** Both runtimes keep it there and do not document it; what is no number is as good as none. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: unknown } }
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
