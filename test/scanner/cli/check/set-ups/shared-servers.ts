import { spawnSync } from 'node:child_process'
import type { Test } from 'tap'
import { freePort } from '../../../../programs/host/free-port.ts'
import type { Ending } from '../../../../programs/host/server.ts'
import { startClamd } from '../../../../programs/servers/clamd.ts'
import { directoryOfOnescand } from '../machine.ts'

/** The servers and files that all broken set-ups share. */
export interface SharedServers {
  /** The sockets of a clamd that is well but for its one signature, and of one without AlertExceedsMax. */
  readonly clamd: string
  readonly laxClamd: string
  /** HOST:PORT at which nothing listens. */
  readonly gone: string
  /** A directory whose file system is full. */
  readonly full: string
}

export async function startSharedServers(t: Test): Promise<SharedServers> {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const lax = await startClamd(t)
  return {
    clamd: clamd.socket,
    laxClamd: lax.socket,
    gone: `127.0.0.1:${await freePort()}`,
    full: fullDirectory(t),
  }
}

/** Makes a file system that is full. */
function fullDirectory(t: Ending): string {
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
