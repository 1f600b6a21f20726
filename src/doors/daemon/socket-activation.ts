import { Fault } from '../../runtime/fault.ts'
import { activatedDescriptors } from '../../runtime/socket-activation.ts'

/** What is spoken on a listening socket: doc/slot-protocol.md, the milter protocol, Postfix's policy delegation, SMTP or LMTP. */
export type DoorKind = 'slot' | 'milter' | 'policy' | 'smtp' | 'lmtp'

/** By the name that the starter gave it: without one of the other words in it, it is the slot's. */
export function doorKindOf(name: string): DoorKind {
  return (
    (['milter', 'policy', 'smtp', 'lmtp'] as const).find((kind) => name.includes(kind)) ?? 'slot'
  )
}

/**
 * What the sockets that systemd hands over are for, in the order of their descriptors. One
 * whose name (FileDescriptorName=, else the name of its unit) has `milter`, `policy`, `smtp` or
 * `lmtp` in it is for that, another one the slot's, of which there is one: a Fault of kind `config`
 * for more.
 */
export function activatedSockets(env: NodeJS.ProcessEnv): DoorKind[] {
  const { LISTEN_FDNAMES = '' } = env
  const names = LISTEN_FDNAMES.split(':')
  const kinds = activatedDescriptors(env).map((_, index) => doorKindOf(names[index] ?? ''))
  if (kinds.indexOf('slot') === kinds.lastIndexOf('slot')) return kinds
  const remedy = 'give others FileDescriptorName=milter, policy, smtp or lmtp'
  throw new Fault(
    'config',
    `LISTEN_FDNAMES ${LISTEN_FDNAMES}: onescand has one slot socket; ${remedy}`,
  )
}
