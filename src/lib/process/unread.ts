import { loadSystem } from '../runtime/system.ts'
import { descriptorOf } from './descriptors.ts'

/** Returns whether the client at a socket has sent bytes that this process has not read. */
export function hasUnread(socket: object): boolean {
  return loadSystem()?.look(descriptorOf(socket) ?? -1) === 'talks'
}
