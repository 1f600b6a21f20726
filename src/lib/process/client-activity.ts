import { loadSystem } from '../runtime/system.ts'
import { descriptorOf } from './descriptors.ts'

/** Returns whether the client at a socket has sent bytes that this process has not read. */
export function hasUnread(socket: object): boolean {
  return activityAt(socket) === 'talks'
}

/** Returns whether the client at a socket has left, with nothing left to read. */
export function hasLeft(socket: object): boolean {
  return activityAt(socket) === 'left'
}

function activityAt(socket: object) {
  const descriptor = descriptorOf(socket)
  return descriptor === undefined ? undefined : loadSystem()?.look(descriptor)
}
