import { getSystemErrorName } from 'node:util'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { descriptorLimit } from '../../ground/process/descriptor-limit.ts'
import type { System } from '../../ground/runtime/system.ts'
import { GATE_DEFAULTS, type GateOptions } from '../shared/gate-options.ts'

/** Descriptors that are kept for files, the DNS, and pipes to programs that are being started. */
export const SPARE_DESCRIPTORS = 64

/** Opens the listening sockets of --listen. Throws a Fault if one cannot be opened. */
export function openListeners({ listen, backlog }: GateOptions, sockets: System): number[] {
  return listen.map((place) => {
    if (place.kind === 'inherited') {
      if (sockets.adoptListener(place.fd)) return place.fd
      const remedy = 'is no TCP socket that listens; see ListenStream= of systemd.socket(5)'
      throw new Fault('config', `--listen ${place.text}: ${remedy}`)
    }
    const fd = sockets.listen(place.address, place.port, backlog)
    if (fd >= 0) return fd
    throw new Fault('config', `--listen ${place.text}: ${getSystemErrorName(fd)}`)
  })
}

/** Takes the group of -g and the user of -u, and no others. Throws a Fault if it cannot. */
export function dropPrivileges({ uid, gid }: GateOptions): void {
  try {
    if (gid !== undefined) {
      process.setgroups!([gid])
      process.setgid!(gid)
    }
    if (uid !== undefined) process.setuid!(uid)
  } catch (error) {
    const who = [gid !== undefined && `-g ${gid}`, uid !== undefined && `-u ${uid}`]
    const text = who.filter(Boolean).join(' ')
    throw new Fault('config', `${text}: ${errorText(error)}; start it as root`, error)
  }
}

/**
 * Returns how many connections may wait: the number of --waiting, else as many as there are
 * descriptors for, up to the default. Throws a Fault if the limit of descriptors allows fewer.
 */
export function roomFor({ waiting, programs }: GateOptions): number {
  const descriptors = descriptorLimit()
  // While a program runs the gate keeps its connection open, too, to see how the client behaves.
  const free = descriptors - SPARE_DESCRIPTORS - programs
  const most = waiting ?? Math.min(GATE_DEFAULTS['--waiting'], free)
  if (most >= 1 && most <= free) return most
  const need = Math.max(1, most) + descriptors - free
  throw new Fault(
    'config',
    `--waiting ${most}: needs ${need} descriptors, and the limit is ${descriptors}; raise it (ulimit -n, softlimit -o, LimitNOFILE=)`,
  )
}
