import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { openDirectory, reachable, reachablePath } from '../programs/reachable.ts'

/** A test or a benchmark, which ends the services that it started. */
export type Host = Pick<Test, 'teardown'>

const root = join(import.meta.dirname, '../..')
const compiled = join(root, 'build/native/onescan-quotad')

/** The program as npm installs it, at a path that every user can read. */
export const launcher: string = reachable(join(root, 'bin/onescan-quotad'))

/**
 * The build that tests of one behaviour use: the compiled one where it is built, which is what the
 * Debian package installs, and starts in a third of the time.
 */
export const program: string = existsSync(compiled) ? reachable(compiled) : launcher

/** The command as an unprivileged user, since the service does not run as root. */
export function asOther(
  ...command: readonly [string, ...string[]]
): readonly [string, ...string[]] {
  if (process.getuid?.() !== 0) return command
  return ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', ...command]
}

export interface Quotad {
  readonly pid: number
  readonly udpPort: number
  /** Where its HTTP service begins: `http://127.0.0.1:PORT`. */
  readonly url: string
  /** What it said so far, a line each. */
  readonly log: readonly string[]
  /** Resolves with the first line of the log that matches, said already or to come. */
  says(pattern: RegExp): Promise<string>
  /** What `/metrics` shows. */
  metrics(): Promise<string>
  /** Sends a datagram and resolves with the answer. */
  ask(datagram: string | Buffer): Promise<string>
  /** Ends it; resolves with its exit code. */
  stop(): Promise<number>
}

/**
 * Starts the service on free ports. It ends with the test. It waits longer for a mailbox than by
 * default (400 ms), since a first question about a directory takes some of that on a busy machine.
 */
export async function startQuotad(
  t: Host,
  env: Readonly<Record<string, string>>,
  options: readonly string[] = [],
  [command, ...first]: readonly [string, ...string[]] = asOther(program),
): Promise<Quotad> {
  const words = [...first, '--udp', '127.0.0.1:0', '--http', '127.0.0.1:0', ...options]
  const child = spawn(reachable(command), words.map(reachable), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: reachablePath(), QUOTAPATIENCE: '30000', ...env },
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const log: string[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line)
    for (const look of waiting) look()
  })
  const says = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const line = log.find((entry) => pattern.test(entry))
        if (line === undefined) return
        waiting.delete(look)
        resolve(line)
      }
      waiting.add(look)
      look()
      child.once('close', () => reject(new Error(`it ended: ${log.join('\n')}`)))
    })
  const serving = await says(/ event=serving /)
  const port = (protocol: string) =>
    Number(new RegExp(`${protocol}=\\S+:(\\d+)`).exec(serving)?.[1])
  const udpPort = port('udp')
  const url = `http://127.0.0.1:${port('http')}`
  return {
    pid: child.pid!,
    udpPort,
    url,
    log,
    says,
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    ask: (datagram) => askAt(udpPort, datagram),
    async stop() {
      child.kill('SIGTERM')
      const [code] = await ended
      return code
    },
  }
}

/** Sends a datagram from a new socket, and resolves to the answer, in latin1. */
export async function askAt(
  port: number,
  datagram: string | Buffer,
  host = '127.0.0.1',
): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.connect(port, host)
  await once(socket, 'connect')
  socket.send(datagram)
  const [answer] = await once(socket, 'message')
  socket.close()
  return answer.toString('latin1')
}

/** Makes a directory that everybody may read, with these files. A name ending in `/` is a directory. */
export function spool(t: Host, files: Readonly<Record<string, string>>): string {
  const directory = openDirectory(t)
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true })
    if (!name.endsWith('/')) writeFileSync(path, content)
  }
  return directory
}
