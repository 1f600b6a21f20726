import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Test } from 'tap'
import { lacks } from '../../../needs.mjs'

/** Why no file system can be mounted here; false if one can. */
export const cannotMount: string | false = lacks('mounts')

/** Mounts a file system of this size in memory at a new directory, until the test has ended. */
export function mountSmall(t: Test, path: string, size = '64k'): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'none', path])
  t.teardown(() => execFileSync('umount', [path]))
  return path
}
