import type { Socket } from 'node:net'
import type { LogField } from '../../../lib/log/line-format.ts'
import { descriptorOf } from '../../../lib/process/descriptors.ts'
import type { System } from '../../../lib/runtime/system.ts'

/** The process at the other end of a unix socket, as reported by the kernel. */
export interface Peer {
  readonly uid: number
  readonly pid: number
}

/** Returns the peer of a socket, or undefined if the runtime cannot determine it. */
export type IdentifyPeer = (socket: Socket) => Peer | undefined

/**
 * Identifies the peer with SO_PEERCRED, unix(7). The peer is logged. It does not decide who may connect: the
 * socket's mode and group do.
 */
export function identifyPeerBy(system: System | undefined): IdentifyPeer {
  return (socket) => {
    const fd = descriptorOf(socket)
    return fd === undefined ? undefined : system?.peerOf(fd)
  }
}

/** Returns the fields of a log line about a peer. */
export function peerFields(peer: Peer | undefined): readonly LogField[] {
  if (peer === undefined) return []
  return [
    ['peer_uid', peer.uid],
    ['peer_pid', peer.pid],
  ]
}
