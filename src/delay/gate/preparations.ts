import { readFileSync } from 'node:fs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { openTcpSockets, type TcpSockets } from '../../ground/net/tcp-sockets.ts'
import { DEFAULT_WAITING, type GateOptions } from '../shared/gate-options.ts'

/**
 * Descriptors for everything but connections: files, the DNS, pipes to a program that is being
 * started.
 */
export const SPARE_DESCRIPTORS = 64

/** Checks for what is needed to hold a connection. Throws a Fault. */
export async function requireSockets(): Promise<TcpSockets> {
  const sockets = await openTcpSockets()
  if (sockets) return sockets
  throw new Fault(
    'config',
    'the npm package koffi: is not installed, and early talkers cannot be seen without it; npm install koffi',
  )
}

/** Descriptors that listen at the places of --listen. Throws a Fault. */
export function openListeners({ listen, backlog }: GateOptions, sockets: TcpSockets): number[] {
  return listen.map((place) => {
    if (place.kind === 'inherited') {
      if (sockets.adoptListener(place.fd)) return place.fd
      const remedy = 'is no TCP socket that listens; see ListenStream= of systemd.socket(5)'
      throw new Fault('config', `--listen ${place.text}: ${remedy}`)
    }
    try {
      return sockets.listen(place, backlog)
    } catch (error) {
      throw new Fault('config', `--listen ${place.text}: ${errorText(error)}`, error)
    }
  })
}

/**
 * -g and -u: from here on the process has only that group and that user. Throws a Fault if it
 * cannot.
 */
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
 * Most connections that may wait: what --waiting says, else as many as descriptors allow. Throws a
 * Fault if the limit allows fewer than were asked for.
 */
export function roomFor({ waiting, programs, remember }: GateOptions): number {
  const descriptors = descriptorLimit()
  // While a program runs the gate keeps its connection open, too, to see how the client behaves.
  const free = descriptors - SPARE_DESCRIPTORS - (remember > 0 ? programs : 0)
  const most = waiting ?? Math.min(DEFAULT_WAITING, free)
  if (most >= 1 && most <= free) return most
  const need = Math.max(1, most) + descriptors - free
  throw new Fault(
    'config',
    `--waiting ${most}: needs ${need} descriptors, and the limit is ${descriptors}; raise it (ulimit -n, softlimit -o, LimitNOFILE=)`,
  )
}

/** The limit of this process (proc_pid_limits(5)), which the runtime has raised as far as it may. */
function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1')
  const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? []
  return soft === 'unlimited' || soft === undefined ? Number.MAX_SAFE_INTEGER : Number(soft)
}
