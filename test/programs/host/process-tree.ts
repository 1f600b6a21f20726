import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

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

/** Milliseconds of a tick (times(2), USER_HZ). */
const TICK = 10

/**
 * Milliseconds of processor time that a process and all its descendants have used up to now: utime, stime,
 * cutime and cstime of proc(5) stat, of all threads, and of all children that ended and were waited for.
 */
export function cpuOfTree(pid: number): number {
  const ticks = treeOf(pid).flatMap((member) => statOf(member).slice(11, 15))
  return ticks.reduce((sum, count) => sum + Number(count), 0) * TICK
}

/**
 * Milliseconds of processor time that the threads of a process and of all its descendants have used up to now, by
 * name without its number: `main` is the first thread of each.
 */
export function cpuByThread(pid: number): Map<string, number> {
  const sum = new Map<string, number>()
  for (const member of treeOf(pid)) {
    for (const thread of listOr(`/proc/${member}/task`)) {
      const path = `/proc/${member}/task/${thread}`
      const name =
        thread === String(member) ? 'main' : readOr(`${path}/comm`).replace(/[\s\d]+$/, '')
      const [user = 0, system = 0] = statAt(path).slice(11, 13).map(Number)
      sum.set(name, (sum.get(name) ?? 0) + (user + system) * TICK)
    }
  }
  return sum
}

const parentOf = (pid: string) => Number(statOf(pid)[1])

const statOf = (pid: number | string) => statAt(`/proc/${pid}`)

/** From the third field on, for the second one, the name in parentheses, may hold anything. */
function statAt(path: string): readonly string[] {
  const stat = readOr(`${path}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** '' for a process that has ended meanwhile. */
function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
