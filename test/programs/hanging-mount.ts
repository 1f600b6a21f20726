import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Ending } from './server.ts'

/** Why its tests are skipped; false if it can be mounted. */
export const cannotHang: string | false =
  (process.getuid?.() !== 0 && 'run as root') || (!existsSync('/dev/fuse') && 'needs /dev/fuse')

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
  const child = spawn('python3', [program, directory, ...operations], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    spawnSync('umount', ['--lazy', directory])
  })
  let asked = 0
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => {
    if (line === 'asked') asked++
  })
  await once(lines, 'line')
  return {
    asked: () => asked,
    async untilAsked(count) {
      while (asked < count) await once(lines, 'line')
    },
  }
}
