import { chmodSync, chownSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { errorCode, Fault } from '../../fault.ts'

/** Connections that the kernel keeps for us to accept. */
const BACKLOG = 511

export interface SocketPlace {
  /** Absolute path. */
  readonly socket: string
  /** Permission bits. */
  readonly mode: number
  readonly group: number | undefined
}

/**
 * Listens at the path; nobody may connect before the socket has its group and mode. A
 * socket that another process left there is replaced, unless somebody answers on it.
 * Faults are of kind `config`.
 */
export async function listenAt(
  server: Server,
  { socket: path, mode, group }: SocketPlace,
): Promise<void> {
  await removeStale(path)
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
    throw new Fault('config', `--socket ${path}: ${(error as Error).message}`, error)
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

async function removeStale(path: string): Promise<void> {
  try {
    if (!lstatSync(path).isSocket()) {
      throw new Fault('config', `--socket ${path}: is there and no socket; remove it`)
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return
    throw error
  }
  const why = await knock(path)
  if (why === 'ENOENT') return
  if (why !== 'ECONNREFUSED') {
    const what = why === '' ? 'somebody answers there' : `cannot be replaced (${why})`
    throw new Fault('config', `--socket ${path}: ${what}; is onescand running?`)
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
