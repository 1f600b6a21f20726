// The processes of a test file: what they use, and which are left when it has ended.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Reads a file of a process, '' if it has ended or belongs to another user. */
function read(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name))

/** The words of a process, in a line. */
export const commandOf = (pid) => read(pid, 'cmdline').split('\0').join(' ').trim().slice(0, 160)

/** Fields of proc_pid_stat(5) behind the name, which may hold blanks: the first is the state. */
const statOf = (pid) =>
  read(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ')

/** Whether a process runs, or would if a processor or a disk were free. */
export const isReady = (pid) => ['R', 'D'].includes(statOf(pid)[0])

/** A process and all that descend from it. */
export function treeOf(root) {
  const parents = new Map(pids().map((pid) => [pid, statOf(pid)[1]]))
  const tree = [String(root)]
  for (const pid of tree) {
    for (const [child, parent] of parents) if (parent === pid) tree.push(child)
  }
  return tree
}

/** The clock ticks for which processes, and those that they have waited for, used a processor. */
export function ticksOf(tree) {
  const own = tree.map((pid) => statOf(pid).slice(11, 15).map(Number))
  return own.flat().reduce((sum, ticks) => sum + (ticks || 0), 0)
}

/** Running processes that were given this directory for temporary files, or name it, or stand in it. */
export function processesOf(directory) {
  return pids().filter((pid) => {
    if (Number(pid) === process.pid || statOf(pid)[0] === 'Z') return false
    if (read(pid, 'environ').includes(directory) || read(pid, 'cmdline').includes(directory))
      return true
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)
    } catch {
      return false
    }
  })
}
