import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

/** Memory of onescand under load. */
/** MB: the proportional set size of a process and all its descendants (proc(5), smaps_rollup). */
export function pssOfTree(pid: number): number {
  let sum = 0
  for (const member of treeOf(pid)) {
    const rollup = readOr(`/proc/${member}/smaps_rollup`)
    sum += Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0)
  }
  return sum / 1024
}

/** MB: the memory files that a process and all its descendants hold, each counted once. PSS leaves them out. */
export function memoryFilesOfTree(pid: number): number {
  const bytes = new Map<number, number>()
  for (const member of treeOf(pid)) {
    for (const descriptor of listOr(`/proc/${member}/fd`)) {
      const file = memoryFileAt(`/proc/${member}/fd/${descriptor}`)
      if (file !== undefined) bytes.set(file.ino, 512 * file.blocks)
    }
  }
  return [...bytes.values()].reduce((sum, count) => sum + count, 0) / 1024 ** 2
}

/** Undefined for another file, and for one that was closed meanwhile. */
function memoryFileAt(link: string): { readonly ino: number; readonly blocks: number } | undefined {
  try {
    return readlinkSync(link).startsWith('/memfd:') ? statSync(link) : undefined
  } catch {
    return undefined
  }
}

function listOr(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** A process and all its descendants. */
export function treeOf(pid: number): number[] {
  const others = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(name) }))
  const tree = [pid]
  for (const member of tree) {
    tree.push(...others.filter(({ parent }) => parent === member).map(({ pid }) => pid))
  }
  return tree
}

/** The fourth field of stat; the second, the name in parentheses, may hold anything. */
function parentOf(pid: string): number {
  const stat = readOr(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

/** '' for a process that has ended meanwhile. */
function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
