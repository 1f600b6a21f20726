import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { findProgram } from './install.mjs'
import { socketDirectory } from './socket-directory.ts'

/** Valkey, or Redis where a machine has only that: Debian 12 has Redis, later ones both. */
const server = findProgram('valkey-server') ?? findProgram('redis-server')
const client = findProgram('valkey-cli') ?? findProgram('redis-cli')

export const storeMissing =
  server === undefined || client === undefined ? 'install Debian package redis-server' : false

export interface StoreServer {
  readonly port: number
  readonly pid: number
  /** Its unix socket. */
  readonly socket: string
  /** What the server answers to a command. */
  say(...words: string[]): string
  /** Ends it at once. */
  kill(): Promise<void>
}

export interface StoreWishes {
  readonly port?: number
  readonly args?: readonly string[]
  readonly sentinel?: string
}

/** A server of its own on loopback, which keeps nothing; it ends with the test. */
export async function startStore(t: Test, wishes: StoreWishes = {}): Promise<StoreServer> {
  const directory = socketDirectory(t)
  const port = wishes.port ?? (await freePort())
  const socket = `${directory}/s`
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket],
    ...['--save', '', '--appendonly', 'no', '--dir', directory, ...(wishes.args ?? [])],
  ]
  if (wishes.sentinel !== undefined) {
    writeFileSync(`${directory}/sentinel.conf`, `port ${port}\nbind 127.0.0.1\n${wishes.sentinel}`)
    args.splice(0, args.length, `${directory}/sentinel.conf`, '--sentinel', '--dir', directory)
  }
  mkdirSync(directory, { recursive: true })
  const child = spawn(server!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await ready(child)
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  t.teardown(kill)
  return {
    port,
    pid: child.pid!,
    socket,
    say: (...words) =>
      execFileSync(client!, ['-h', '127.0.0.1', '-p', String(port), ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim(),
    kill,
  }
}

async function ready(child: ChildProcess): Promise<void> {
  const log: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      log.push(line)
      if (/Ready to accept connections|Sentinel ID is|\+monitor/.test(line)) resolve()
    })
    child.once('exit', () => reject(new Error(`it ended: ${log.join('\n')}`)))
    child.once('error', reject)
  })
}
