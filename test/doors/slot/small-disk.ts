import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Test } from 'tap'

/** Why no file system can be mounted here; false if one can. */
export const cannotMount: string | false =
  (process.getuid?.() !== 0 && 'needs root to mount a tmpfs') ||
  (spawnSync('mount', ['--version']).error !== undefined && 'install Debian package mount')

/** Mounts a file system of this size in memory at a new directory, until the test is over. */
export function mountSmall(t: Test, path: string, size = '64k'): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'none', path])
  t.teardown(() => execFileSync('umount', [path]))
  return path
}
