import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createFrameReader } from '../../../src/doors/slot-socket/frames.ts'
import { framesOf, type Question } from './client.ts'

/** Clients that send a descriptor along with their question (hostile-client.py). */

const program = join(import.meta.dirname, 'hostile-client.py')

/** What they send: files of any kind, and files that a file system of their own never closes. */
export const descriptors = [
  'pipe',
  '/dev/zero',
  '/dev/full',
  '/proc/self/maps',
  '/',
  'memory',
  'itself',
  'fuse',
  'overlay',
] as const

/** A file of which the last close waits for pages: only a kernel that refuses it is safe. */
export const UNWRITTEN = 'unwritten'

/** Why these clients cannot run here; false if they can. */
export const cannotMount: string | false = (() => {
  try {
    const script = 'unshare -m mount -t tmpfs none /mnt && test -w /dev/fuse'
    execFileSync('sh', ['-c', script], { stdio: 'ignore' })
    return false
  } catch {
    return 'needs root, and /dev/fuse'
  }
})()

export interface HostileClient {
  /** The tags of the daemon's answer. */
  readonly heard: string
  /** Whether the kernel let the descriptor pass. */
  readonly sent: boolean
  /** Ends the client, and with it its file system. */
  end(): Promise<void>
}

/** Resolves once the daemon has answered; what the client has sent stays open until it ends. */
export async function askHostilely(
  socket: string,
  kind: string,
  question: Question,
): Promise<HostileClient> {
  const child = spawn('unshare', ['-m', 'python3', program, socket, kind], { detached: true })
  const frames = Buffer.concat(framesOf(question))
  child.stdin.write(`${frames.length}\n`)
  child.stdin.write(frames)
  let heard = ''
  let told = ''
  child.stderr.on('data', (text) => {
    told += text
  })
  const ended = once(child, 'close').then(() => {})
  const reader = createFrameReader({
    room: (_, length) => Buffer.alloc(length),
    take: (tag) => {
      heard += tag
    },
  })
  const answered = new Promise<void>((resolve) => {
    child.stdout.on('data', (bytes: Buffer) => {
      reader.push(bytes)
      if (/[aCx]$/.test(heard)) resolve()
    })
  })
  await Promise.race([
    answered,
    ended.then(() => Promise.reject(new Error(`${kind}: ${told || 'ended'}`))),
  ])
  return {
    heard,
    sent: told.includes('sent'),
    async end() {
      process.kill(-child.pid!, 'SIGKILL') // its file server, too
      await ended
    },
  }
}
