import { spawnSync } from 'node:child_process'

/** Runs apt-get, asking nothing, removing nothing; output as text, errors in `stderr`. */
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

/** What a program complained about, in a line. */
export const firstLine = (text) => text.split('\n').find((line) => line.trim() !== '') ?? 'failed'
