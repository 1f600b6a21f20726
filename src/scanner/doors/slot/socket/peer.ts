import type { Socket } from 'node:net'
import type { LogField } from '../../../../base/log/line-format.ts'
import { descriptorOf } from '../../../../base/process/descriptors.ts'
import type { System } from '../../../../base/runtime/system.ts'
import { readSlotClient, type SlotClient } from '../slot-client.ts'
import type { Request } from './request.ts'
import { ScanStandalone } from './scan-standalone.ts'

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

/**
 * Returns the client with these variables. Throws ScanStandalone if the kernel does not report the client's user, and the
 * client may be qmail-send with a bounce of its own, which is never refused. The standalone program knows its
 * user. A host without the user of BOUNCEUSER has no qmail-send, and mail with a client address came from a
 * server.
 */
export function requireClient(
  variables: Request['variables'],
  peer: Peer | undefined,
  bounceUser: number | undefined,
): SlotClient {
  const client = readSlotClient(Object.fromEntries(variables), peer?.uid, bounceUser)
  const mayInject = bounceUser !== undefined && client.origin.clientAddress === undefined
  if (peer === undefined && mayInject)
    throw new ScanStandalone('the kernel does not identify the client')
  return client
}
