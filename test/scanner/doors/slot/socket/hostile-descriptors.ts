import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createFrameReader } from '../../../../../src/scanner/protocol/slot/slot-frames.ts'
import { python } from '../../../../programs/host/python.ts'
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
  /**
   * Sends the question and the descriptor. Resolves to the types of the daemon's answer; what was sent
   * stays open until the client ends.
   */
  ask(question: Question): Promise<string>
  /** Resolves to whether the kernel let the descriptor pass. */
  readonly sent: Promise<boolean>
  /** Ends the client, and with it its file system. */
  end(): Promise<void>
}

/** Resolves once the client has connected. */
export async function connectHostilely(socket: string, kind: string): Promise<HostileClient> {
  const child = spawn('unshare', ['-m', python, program, socket, kind], { detached: true })
  let output = ''
  const ended = once(child, 'close').then(() => {})
  const printed = (word: RegExp) =>
    new Promise<void>((resolve, reject) => {
      child.stderr.on('data', () => word.test(output) && resolve())
      ended.then(() => reject(new Error(`${kind}: ${output || 'ended'}`)))
    })
  child.stderr.on('data', (text) => {
    output += text
  })
  const sent = printed(/sent|refused/).then(() => output.includes('sent'))
  sent.catch(() => {}) // if it ends before it was asked to send
  await printed(/connected/)
  return {
    sent,
    ask(question) {
      let heard = ''
      const reader = createFrameReader((_, length) => Buffer.alloc(length))
      const frames = Buffer.concat(framesOf(question))
      child.stdin.write(`${frames.length}\n`)
      child.stdin.write(frames)
      return new Promise((resolve, reject) => {
        child.stdout.on('data', (bytes: Buffer) => {
          reader.push(bytes)
          for (let next = reader.next(); next; next = reader.next()) heard += next.type
          if (/[aCx]$/.test(heard)) resolve(heard)
        })
        ended.then(() => reject(new Error(`${kind}: ${output || 'ended'}`)))
      })
    },
    async end() {
      process.kill(-child.pid!, 'SIGKILL') // its file server, too
      await ended
    },
  }
}
