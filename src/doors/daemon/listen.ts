import { chmodSync, chownSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { errorCode, Fault } from '../../fault.ts'
import type { ListeningPlace } from './listening-place.ts'

/** Connections that the kernel keeps for us to accept. */
const BACKLOG = 511

export interface SocketManners {
  /** Permission bits of a unix socket. */
  readonly mode: number
  readonly group: number | undefined
  /** The option that says where, for messages. */
  readonly option: string
}

/**
 * Listens at the place; nobody may connect to a unix socket before it has its group and
 * mode. One that another process left there is replaced, unless somebody answers on it.
 * Faults are of kind `config`.
 */
export async function listenAt(
  server: Server,
  place: ListeningPlace,
  manners: SocketManners,
): Promise<void> {
  if (place.kind === 'unix') return listenAtPath(server, place.path, manners)
  const { host, port } = place
  await listening(server, (told) => server.listen({ host, port, backlog: BACKLOG }, told))
}

async function listenAtPath(
  server: Server,
  path: string,
  { mode, group, option }: SocketManners,
): Promise<void> {
  await removeStale(path, option)
  const umask = process.umask(0o777)
  try {
    await listening(server, (told) => server.listen({ path, backlog: BACKLOG }, told))
  } finally {
    process.umask(umask)
  }
  try {
    if (group !== undefined) chownSync(path, process.getuid!(), group)
    chmodSync(path, mode)
  } catch (error) {
    throw new Fault('config', `${option} ${path}: ${(error as Error).message}`, error)
  }
}

/** Listens on a socket that is there already, bound by whoever started this process. */
export function listenOn(server: Server, fd: number): Promise<void> {
  return listening(server, (told) => server.listen({ fd }, BACKLOG, told))
}

function listening(server: Server, listen: (told: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      reject(new Fault('config', `cannot listen: ${error.message}`, error))
    }
    server.once('error', failed)
    listen(() => {
      server.off('error', failed)
      resolve()
    })
  })
}

async function removeStale(path: string, option: string): Promise<void> {
  try {
    if (!lstatSync(path).isSocket()) {
      throw new Fault('config', `${option} ${path}: is there and no socket; remove it`)
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return
    throw error
  }
  const why = await knock(path)
  if (why === 'ENOENT') return
  if (why !== 'ECONNREFUSED') {
    const what = why === '' ? 'somebody answers there' : `cannot be replaced (${why})`
    throw new Fault('config', `${option} ${path}: ${what}; is onescand running?`)
  }
  unlinkSync(path)
}

/** Why nobody answers, or ''. */
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
