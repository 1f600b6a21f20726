import { Fault } from '../../../ground/errors/fault.ts'
import { activatedDescriptors } from '../../../ground/process/systemd.ts'
import { type DoorKind, doorKindOf } from '../options/door-kind.ts'

/** The purpose of a socket that systemd hands over: a door, or the page and metrics. */
export type SocketPurpose = DoorKind | 'http'

/**
 * Returns the purposes of the sockets that systemd hands over, in the order of their descriptors. A
 * socket is for `http`, `milter`, `policy`, `smtp` or `lmtp` if its name (FileDescriptorName=, or
 * the name of its unit) has that word in it; otherwise it is the slot's. Throws a Fault of kind
 * `config` if there are several sockets for the slot, or for the page.
 */
export function inheritedSockets(env: NodeJS.ProcessEnv): SocketPurpose[] {
  const { LISTEN_FDNAMES = '' } = env
  const names = LISTEN_FDNAMES.split(':')
  const kinds = activatedDescriptors(env).map((_, index) => {
    const name = names[index] ?? ''
    return name.includes('http') ? 'http' : doorKindOf(name)
  })
  for (const kind of ['slot', 'http'] as const) {
    if (kinds.indexOf(kind) === kinds.lastIndexOf(kind)) continue
    const what = kind === 'slot' ? 'slot socket' : 'address for its page'
    const remedy = 'give others FileDescriptorName=milter, policy, smtp or lmtp'
    const all = `LISTEN_FDNAMES ${LISTEN_FDNAMES}`
    throw new Fault('config', `${all}: onescand has one ${what}; ${remedy}`)
  }
  return kinds
}
