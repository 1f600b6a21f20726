import { readFileSync, readlinkSync } from 'node:fs'

/** The path that the socket of this descriptor is bound to; undefined for another than one of the unix family. */
export function pathOf(fd: number): string | undefined {
  return namedSockets().get(readlinkSync(`/proc/self/fd/${fd}`))
}

/** Unix sockets with a path, as links of /proc/self/fd lead to them (proc(5)). */
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
