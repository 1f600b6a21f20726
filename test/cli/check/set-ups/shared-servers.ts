import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { startClamd } from '../../../programs/clamd.ts'
import { freePort } from '../../../programs/free-port.ts'
import { openDirectory } from '../../../programs/reachable.ts'
import { directoryOfOnescand } from '../machine.ts'

/** The servers and files that all broken set-ups share. */
export interface SharedServers {
  /** The sockets of a clamd that is well but for its one signature, and of one without AlertExceedsMax. */
  readonly clamd: string
  readonly laxClamd: string
  /** HOST:PORT at which nobody listens, another program listens, or a program never answers. */
  readonly gone: string
  readonly taken: string
  readonly silent: string
  /** The socket of a clamd in a directory that is root's alone. */
  readonly closed: string
  /** A directory whose file system is full. */
  readonly full: string
}

export async function startSharedServers(t: Test): Promise<SharedServers> {
  const clamd = await startClamd({ alertExceedsMax: true })
  const lax = await startClamd()
  t.teardown(() => Promise.all([clamd.stop(), lax.stop()]))
  const closed = createServer(() => {}).listen(join(openDirectory(t), 'clamd.ctl'))
  await once(closed, 'listening')
  t.teardown(() => closed.close())
  const closedPath = String(closed.address())
  chmodSync(dirname(closedPath), 0o700)
  const listen = async (answer: Parameters<typeof createServer>[1]) => {
    const server = createServer(answer).listen(0, '127.0.0.1')
    // A program that breaks off in the middle of an answer is no failure of the test.
    server.on('connection', (socket) => socket.on('error', () => {}))
    await once(server, 'listening')
    t.teardown(() => server.close())
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  return {
    clamd: clamd.socket,
    laxClamd: lax.socket,
    gone: `127.0.0.1:${await freePort()}`,
    taken: await listen((socket) => socket.destroy()),
    silent: await listen(() => {}),
    closed: closedPath,
    full: fullDirectory(t),
  }
}

/** Makes a file system that is full. */
function fullDirectory(t: Pick<Test, 'teardown'>): string {
  const directory = directoryOfOnescand(t)
  const { status, stderr } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', 'size=64k,mode=1777', 'tmpfs', directory],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  t.teardown(() => spawnSync('umount', ['--lazy', directory]))
  spawnSync('dd', ['if=/dev/zero', `of=${directory}/full`])
  return directory
}
