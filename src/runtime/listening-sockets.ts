import { lstatSync, readFileSync, readlinkSync } from 'node:fs'

/** Where the socket of this descriptor listens; undefined for another than one of the unix family. */
export function pathOf(fd: number): string | undefined {
  return namedSockets().get(readlinkSync(`/proc/self/fd/${fd}`))
}

/** Whether everybody on this host may connect to the socket of this descriptor; as far as is known, yes. */
export function isOpenToAll(fd: number): boolean {
  try {
    const path = pathOf(fd)
    return path === undefined || (lstatSync(path).mode & 0o002) !== 0
  } catch {
    return true
  }
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
