import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openDirectory, reachable, reachablePath } from '../programs/host/reachable.ts'
import { type Ending, type Server, startServer } from '../programs/host/server.ts'

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

export interface Quotad extends Server {
  readonly udpPort: number
  /** Where its HTTP service begins: `http://127.0.0.1:PORT`. */
  readonly url: string
  /** What `/metrics` shows. */
  metrics(): Promise<string>
  /** Sends a datagram and resolves to the answer. */
  ask(datagram: string | Buffer): Promise<string>
}

/**
 * Starts the service on free ports. It ends with the test. It waits longer for a mailbox than by
 * default (400 ms), since a first question about a directory takes some of that on a busy machine.
 */
export async function startQuotad(
  t: Ending,
  env: Readonly<Record<string, string>>,
  options: readonly string[] = [],
  [command, ...first]: readonly [string, ...string[]] = asOther(program),
): Promise<Quotad> {
  const words = [...first, '--udp', '127.0.0.1:0', '--http', '127.0.0.1:0', ...options]
  const service = await startServer([command, ...words].map(reachable), / event=serving /, {
    env: { PATH: reachablePath(), QUOTATIMEOUT: '37500', ...env },
  })
  t.teardown(() => service.stop('SIGKILL'))
  const serving = await service.logged(/ event=serving /)
  const port = (protocol: string) =>
    Number(new RegExp(`${protocol}=\\S+:(\\d+)`).exec(serving)?.[1])
  const udpPort = port('udp')
  const url = `http://127.0.0.1:${port('http')}`
  return {
    ...service,
    udpPort,
    url,
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    ask: (datagram) => askAt(udpPort, datagram),
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
export function spool(t: Ending, files: Readonly<Record<string, string>>): string {
  const directory = openDirectory(t)
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true })
    if (!name.endsWith('/')) writeFileSync(path, content)
  }
  return directory
}
