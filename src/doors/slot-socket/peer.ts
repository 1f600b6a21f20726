import type { Socket } from 'node:net'
import type { LogField } from '../../ground/errors/log.ts'
import { descriptorOf } from '../../ground/net/connect.ts'
import type { System } from '../../ground/runtime/system.ts'

/** The process at the other end of a unix socket, as the kernel knows it. */
export interface Peer {
  readonly uid: number
  readonly pid: number
}

/** Returns the peer of a socket; undefined if the runtime cannot ask for it. */
export type IdentifyPeer = (socket: Socket) => Peer | undefined

/**
 * Asks for the peer by SO_PEERCRED, unix(7). The peer is logged. It does not decide who may
 * connect: the socket's mode and group do.
 */
export function identifyPeerBy(system: System | undefined): IdentifyPeer {
  return (socket) => {
    const fd = descriptorOf(socket)
    return fd === undefined ? undefined : system?.peerOf(fd)
  }
}

/** Returns the fields of a log line about a peer. */
export function peerEntries(peer: Peer | undefined): readonly LogField[] {
  if (peer === undefined) return []
  return [
    ['peer_uid', peer.uid],
    ['peer_pid', peer.pid],
  ]
}
