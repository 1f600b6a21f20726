import { spawnSync } from 'node:child_process'

/** Runs apt-get without questions and without removing packages. Its output is text, errors are in `stderr`. */
export function apt(args, directory = '/') {
  const quietly = ['-q', '-o', 'Dpkg::Use-Pty=0', '-o', 'Dpkg::Options::=--force-confold']
  const careful = ['--no-install-recommends', '--no-remove']
  return spawnSync('apt-get', [...quietly, ...careful, ...args], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
  })
}

/** Returns the errors that a program printed, in one line. */
export const firstLine = (text) => text.split('\n').find((line) => line.trim() !== '') ?? 'failed'
