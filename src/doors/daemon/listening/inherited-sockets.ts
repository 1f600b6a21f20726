import { Fault } from '../../../ground/errors/fault.ts'
import { activatedDescriptors } from '../../../ground/net/socket-activation.ts'
import { type DoorKind, doorKindOf } from '../options/door-kind.ts'

/** What a socket that is handed over is for: a door, or the page and metrics. */
export type SocketPurpose = DoorKind | 'http'

/**
 * What the sockets that systemd hands over are for, in the order of their descriptors. One
 * whose name (FileDescriptorName=, else the name of its unit) has `http`, `milter`, `policy`, `smtp`
 * or `lmtp` in it is for that, another one the slot's, of which there is one, as of the page: a
 * Fault of kind `config` for more.
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
    const what = kind === 'slot' ? 'slot socket' : 'place for its page'
    const remedy = 'give others FileDescriptorName=milter, policy, smtp or lmtp'
    const all = `LISTEN_FDNAMES ${LISTEN_FDNAMES}`
    throw new Fault('config', `${all}: onescand has one ${what}; ${remedy}`)
  }
  return kinds
}
