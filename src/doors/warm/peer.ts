import type { Socket } from 'node:net'
import type { LogField } from '../../ground/errors/log.ts'
import { descriptorOf } from '../../ground/net/descriptor-of.ts'
import type { Libc } from '../../ground/runtime/libc.ts'

/** Who is at the other end of a unix socket, as the kernel knows it. */
export interface Peer {
  readonly uid: number
  readonly pid: number
}

/** Undefined if there is no way to ask. */
export type IdentifyPeer = (socket: Socket) => Peer | undefined

/**
 * By unix(7), SO_PEERCRED. It does not decide who may connect, for the socket's mode and
 * group say that, but whose files a client may lend.
 */
export function identifyPeerBy(libc: Libc | undefined): IdentifyPeer {
  return (socket) => {
    const fd = descriptorOf(socket)
    return fd === undefined ? undefined : libc?.peerOf(fd)
  }
}

/** What the log says about it. */
export function peerEntries(peer: Peer | undefined): readonly LogField[] {
  if (peer === undefined) return []
  return [
    ['peer_uid', peer.uid],
    ['peer_pid', peer.pid],
  ]
}
