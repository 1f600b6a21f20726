import { closeSync } from 'node:fs'
import { Fault } from '../../../base/errors/fault.ts'
import { activatedDescriptors, FIRST_HANDED_OVER } from '../../../base/systemd/sd-daemon.ts'
import type { DaemonOptions } from '../../options/daemon-options.ts'
import { type DoorKind, doorKindOf, type NamedDoor } from '../../options/door-address.ts'
import { smtpDoorsOf } from '../../options/smtp-doors.ts'
import { bindAt, pathOf } from './listen.ts'

/** The purpose of a socket that systemd passes: a door, or the page and metrics. */
export type SocketPurpose = DoorKind | 'http'

/**
 * Returns the purposes of the sockets that systemd passes, in the order of their descriptors. The name of a
 * socket (FileDescriptorName=, or the name of its unit) contains `http` or one of the kinds of doorKindOf().
 * Other sockets are for the slot door. Throws a Fault of kind `config` if there are several sockets for
 * the slot door, or for the page.
 */
export function inheritedSockets(env: NodeJS.ProcessEnv): SocketPurpose[] {
  const { LISTEN_FDNAMES = '' } = env
  const names = LISTEN_FDNAMES.split(':')
  const kinds = activatedDescriptors(env).map((_, index) => {
    const name = names[index] ?? ''
    return name.includes('http') ? 'http' : doorKindOf(name)
  })
  for (const kind of ['qmail', 'http'] as const) {
    if (kinds.indexOf(kind) === kinds.lastIndexOf(kind)) continue
    const what = kind === 'qmail' ? 'socket for onescanc' : 'address for its page'
    const remedy =
      'set FileDescriptorName= of the others to milter, policy, clamd, clamd-mail, smtp or lmtp'
    const all = `LISTEN_FDNAMES ${LISTEN_FDNAMES}`
    throw new Fault('config', `${all}: onescand has only one ${what}; ${remedy}`)
  }
  return kinds
}

/** A socket that workers listen on. The first process keeps it open, so that it outlives them. */
export interface DoorSocket extends Pick<NamedDoor, 'kind' | 'route'> {
  readonly fd: number
  close(): void
}

/**
 * Returns the sockets that systemd has passed, in order, followed by those of the options that are still
 * missing. Rejects with a Fault of kind `config` if one cannot be created.
 */
export async function openSockets(
  { doors, ...options }: DaemonOptions,
  handedOver: readonly SocketPurpose[],
): Promise<DoorSocket[]> {
  const passed = handedOver.flatMap((kind, index) =>
    kind === 'http' ? [] : [{ kind, fd: FIRST_HANDED_OVER + index }],
  )
  const served = smtpDoorsOf(
    passed.map(({ kind }) => kind),
    doors,
  )
  const sockets: DoorSocket[] = passed.map(({ kind, fd }, index) => {
    return { kind, fd, route: served[index]?.route, close: () => closeSync(fd) }
  })
  // A socket that systemd has passed may be the same as one that an option names.
  const held = new Set(passed.map(({ kind, fd }) => `${kind} ${pathOf(fd)}`))
  const isPassed = (door: NamedDoor) => {
    if (door.kind === 'qmail') return passed.some(({ kind }) => kind === 'qmail')
    if (door.route !== undefined) return served.includes(door)
    return door.at.kind === 'unix' && held.has(`${door.kind} ${door.at.path}`)
  }
  for (const door of doors.filter((named) => !isPassed(named))) {
    const { kind, route, at, option } = door
    sockets.push({ kind, route, ...(await bindAt(at, { ...options, option })) })
  }
  if (sockets.length > 0) return sockets
  throw new Fault(
    'config',
    '--socket none: nothing is left to listen on; add --milter, --policy or --smtp',
  )
}
