import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { Fault } from '../../fault.ts'

/** The descriptor of a listening socket that whoever started this process made: sd_listen_fds(3). */
export const HANDED_OVER = 3

/** Whether systemd hands over a socket. A Fault of kind `config` where it hands over several. */
export function isSocketActivated({ LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv): boolean {
  if (LISTEN_PID !== String(process.pid) || !LISTEN_FDS) return false
  if (LISTEN_FDS === '1') return true
  throw new Fault('config', `LISTEN_FDS ${LISTEN_FDS}: onescand has one socket`)
}

/** Whether everybody on this host may connect to the socket of this descriptor; as far as is known, yes. */
export function isOpenToAll(fd: number): boolean {
  try {
    const path = namedSockets().get(readlinkSync(`/proc/self/fd/${fd}`))
    return path === undefined || (lstatSync(path).mode & 0o002) !== 0
  } catch {
    return true
  }
}

/** The descriptor that a server of this process listens on, which the runtimes do not tell. */
export function descriptorOf(server: Server): number {
  const path = server.address()
  const sockets = namedSockets()
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (sockets.get(readlinkSync(`/proc/self/fd/${fd}`)) === path) return Number(fd)
    } catch {
      // The one that the listing itself had open.
    }
  }
  throw new Fault('bug', `no descriptor listens on ${path}`)
}

/** Unix sockets that listen, as links of /proc/self/fd lead to them, with their paths (proc(5)). */
function namedSockets(): Map<string, string> {
  const rows = readFileSync('/proc/net/unix', 'latin1').split('\n')
  const found = new Map<string, string>()
  for (const row of rows) {
    const [, flags, inode, path] = LISTENING.exec(row) ?? []
    if (path !== undefined && Number.parseInt(flags!, 16) & ACCEPTS) {
      found.set(`socket:[${inode}]`, path)
    }
  }
  return found
}

/** Num RefCount Protocol Flags Type St Inode Path */
const LISTENING = /^\S+ \S+ \S+ ([0-9A-F]+) \S+ \S+ +([0-9]+) (\/.*)$/
/** The kernel's __SO_ACCEPTCON. */
const ACCEPTS = 1 << 16
