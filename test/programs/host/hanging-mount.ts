import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { until } from '../../run/until.ts'
import { type Ending, startServer } from './server.ts'

/** Why its tests are skipped; false if it can be mounted. */
export const cannotHang: string | false = lacks('root', '/dev/fuse', 'python3')

export interface HangingMount {
  /** How many questions have no answer. */
  asked(): number
  /** Resolves when so many have none. */
  untilAsked(count: number): Promise<void>
}

/**
 * Mounts a file system on a directory, as a user can with FUSE, that never answers what is asked by
 * these operations. It ends with the test, and with it whatever waits for it.
 */
export async function mountHanging(
  t: Ending,
  directory: string,
  ...operations: readonly ('lookup' | 'getattr' | 'opendir')[]
): Promise<HangingMount> {
  const program = join(import.meta.dirname, 'hanging-mount.py')
  const command = ['python3', program, directory, ...operations]
  const server = await startServer(command, /^mounted$/, { signal: 'SIGKILL' })
  t.teardown(async () => {
    await server.stop()
    spawnSync('umount', ['--lazy', directory])
  })
  const asked = () => server.log.length - 1
  return {
    asked,
    async untilAsked(count) {
      await until(() => asked() >= count, `${count} questions`)
    },
  }
}
