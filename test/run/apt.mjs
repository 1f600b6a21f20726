import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

const OPTIONS = [
  ...['-q', '-o', 'Dpkg::Use-Pty=0', '-o', 'Dpkg::Options::=--force-confold'],
  '--no-install-recommends',
]
const ENV = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }

/** Runs apt-get without questions. Its output is text, errors are in `stderr`. */
export function apt(args, directory = '/') {
  return spawnSync('apt-get', [...OPTIONS, ...args], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ENV,
  })
}

/** Milliseconds between two lines about what apt-get is doing. */
const PROGRESS = 30_000

/** Does the same, and prints the last line of apt-get twice a minute. Resolves to its exit code and errors. */
export async function aptWithProgress(args) {
  const started = performance.now()
  const child = spawn('apt-get', [...OPTIONS, ...args], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ENV,
  })
  let last = 'begins'
  child.stdout.setEncoding('utf8').on('data', (lines) => {
    last = lines.trim().split('\n').at(-1) || last
  })
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000)
    process.stdout.write(`(${seconds} s, apt-get: ${last})\n`)
  }, PROGRESS)
  const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'close')])
  clearInterval(timer)
  return { status, stderr }
}

/** Returns the errors that a program printed, in one line. */
export const firstLine = (text) => text.split('\n').find((line) => line.trim() !== '') ?? 'failed'
