import { readFileSync, readlinkSync } from 'node:fs'

/** Returns the path that a unix socket is bound to; undefined for any other socket. */
export function pathOf(fd: number): string | undefined {
  return namedSockets().get(readlinkSync(`/proc/self/fd/${fd}`))
}

/**
 * Lists the unix sockets that have a path, by their names in the links of /proc/self/fd (proc(5)).
 */
function namedSockets(): Map<string, string> {
  const rows = readFileSync('/proc/net/unix', 'latin1').split('\n')
  const found = new Map<string, string>()
  for (const row of rows) {
    const [, inode, path] = NAMED.exec(row) ?? []
    if (path !== undefined) found.set(`socket:[${inode}]`, path)
  }
  return found
}

/** Num RefCount Protocol Flags Type St Inode Path */
const NAMED = /^\S+ \S+ \S+ [0-9A-F]+ \S+ \S+ +([0-9]+) (\/.*)$/
