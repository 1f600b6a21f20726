import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  lstatSync,
  realpathSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { errorCode, errorText, Fault } from '../../../ground/errors/fault.ts'
import type { DoorAddress } from '../options/door-address.ts'
import { type BoundSocket, bindSocket } from './bind.ts'

/** Connections that the kernel keeps for us to accept. */
const BACKLOG = 511

export interface SocketOptions {
  /** Permission bits of a unix socket. */
  readonly mode: number
  readonly group: number | undefined
  /** The option with the place, for messages. */
  readonly option: string
}

/**
 * Listens at the place. Nobody may connect to a unix socket before it has its group and mode. A
 * socket that another process left there is replaced, unless a process answers on it. Faults are of
 * kind `config`.
 */
export async function listenAt(
  server: Server,
  place: DoorAddress,
  manners: SocketOptions,
): Promise<void> {
  const at = nameOf(place, manners)
  const where =
    place.kind === 'unix' ? { path: place.path } : { host: place.host, port: place.port }
  await openAt(place, manners, () =>
    listening(server, at, (told) => server.listen({ ...where, backlog: BACKLOG }, told)),
  )
}

/** The same for a socket that others will listen on. */
export async function bindAt(place: DoorAddress, manners: SocketOptions): Promise<BoundSocket> {
  return openAt(place, manners, async () => {
    try {
      return await bindSocket(place)
    } catch (error) {
      throw cannotListen(nameOf(place, manners), error)
    }
  })
}

/**
 * Throws the Fault that `bindAt` would throw there, and leaves the place as it is. If root holds a
 * socket there it is systemd's, which hands it over: that is not connected to, since it would start
 * the service.
 */
export async function checkPlace(place: DoorAddress, manners: SocketOptions): Promise<void> {
  if (place.kind === 'tcp') {
    const { close } = await bindAt(place, manners)
    return close()
  }
  const at = nameOf(place, manners)
  if (process.getuid!() !== 0 && isRootsSocket(place.path)) return
  checkDirectory(dirname(place.path), at)
  if (process.getuid!() === 0) checkOwners(dirname(place.path), at)
  await isStale(place.path, at)
}

function isRootsSocket(path: string): boolean {
  try {
    const status = lstatSync(path)
    return status.isSocket() && status.uid === 0
  } catch {
    return false
  }
}

function nameOf(place: DoorAddress, { option }: SocketOptions): string {
  return `${option} ${place.kind === 'unix' ? place.path : `${place.host}:${place.port}`}`
}

async function openAt<Opened>(
  place: DoorAddress,
  manners: SocketOptions,
  open: () => Promise<Opened>,
): Promise<Opened> {
  if (place.kind === 'tcp') return open()
  const { mode, group } = manners
  const { path } = place
  const at = nameOf(place, manners)
  checkDirectory(dirname(path), at)
  if (process.getuid!() === 0) checkOwners(dirname(path), at)
  if (await isStale(path, at)) unlinkSync(path)
  const umask = process.umask(0o777)
  let opened: Opened
  try {
    opened = await open()
  } finally {
    process.umask(umask)
  }
  try {
    if (group !== undefined) chownSync(path, process.getuid!(), group)
    chmodSync(path, mode)
  } catch (error) {
    throw new Fault('config', `${at}: ${errorText(error)}`, error)
  }
  return opened
}

/** Listens on a socket that the starter of this process has bound. */
export function listenOn(server: Server, fd: number): Promise<void> {
  return listening(server, `descriptor ${fd}`, (told) => server.listen({ fd }, BACKLOG, told))
}

/** Checked beforehand, since one of the runtimes does not say why it cannot listen at a path. */
function checkDirectory(directory: string, at: string): void {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    const remedy = 'make the directory, and let this user write to it'
    throw new Fault('config', `${at}: ${errorText(error)}; ${remedy}`, error)
  }
}

/**
 * Root changes the owner of the file at the path. A user who may rename files of the directory,
 * or of one above it, could put another file of root's there.
 */
function checkOwners(directory: string, at: string): void {
  const writable = 0o022
  const sticky = 0o1000
  for (let place = realpathSync(directory); ; place = dirname(place)) {
    const { uid, mode } = statSync(place)
    if (uid !== 0 || ((mode & writable) !== 0 && (mode & sticky) === 0)) {
      const remedy = "as root, name a directory that is root's alone, or start it as its user"
      throw new Fault('config', `${at}: others may change ${place}; ${remedy}`)
    }
    if (place === dirname(place)) return
  }
}

function listening(server: Server, at: string, listen: (told: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(cannotListen(at, error))
    server.once('error', failed)
    listen(() => {
      server.off('error', failed)
      resolve()
    })
  })
}

function cannotListen(at: string, error: unknown): Fault {
  const why = reasons[errorCode(error)] ?? errorText(error)
  return new Fault('config', `${at}: cannot listen: ${why}`, error)
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'EADDRINUSE: another process listens there; "ss -ltnp" says which: end it, or name another port',
  EADDRNOTAVAIL: 'EADDRNOTAVAIL: this host has no such address; name one of its own',
  EACCES: 'EACCES: ports below 1024 are for root alone; name another one',
}

/**
 * Whether a socket is there on which nobody listens any more. Throws a Fault of kind `config` for
 * anything else that is there.
 */
async function isStale(path: string, at: string): Promise<boolean> {
  try {
    if (!lstatSync(path).isSocket()) {
      throw new Fault('config', `${at}: exists and is not a socket; remove it`)
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
  const why = await knock(path)
  if (why === 'ENOENT') return false
  if (why !== 'ECONNREFUSED') {
    const what = why === '' ? 'somebody answers there' : `cannot be replaced (${why})`
    throw new Fault('config', `${at}: ${what}; is onescand running?`)
  }
  return true
}

/** Why no process answers there, or ''. */
function knock(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('error', (error) => resolve(errorCode(error)))
    socket.once('connect', () => {
      socket.destroy()
      resolve('')
    })
  })
}
