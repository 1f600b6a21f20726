// The processes of a test file: how much processor time they use, and which still run when it has ended.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Returns a file of a process, or '' if the process has ended or belongs to another user. */
function read(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name))

/** Returns the command line of a process, in one line. */
export const commandOf = (pid) => read(pid, 'cmdline').split('\0').join(' ').trim().slice(0, 160)

/** Returns the fields of proc_pid_stat(5) after the name, which may contain blanks. The first one is the state. */
const statOf = (pid) =>
  read(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ')

/** Returns whether a process runs, or waits for a processor or a disk. */
export const isReady = (pid) => ['R', 'D'].includes(statOf(pid)[0])

/** Returns the clock tick at which a process has started; later processes have the same or a higher one. */
export const startOf = (pid) => Number(statOf(pid)[19])

/** Returns a process and all its descendants. */
export function treeOf(root) {
  const parents = new Map(pids().map((pid) => [pid, statOf(pid)[1]]))
  const tree = [String(root)]
  for (const pid of tree) {
    for (const [child, parent] of parents) if (parent === pid) tree.push(child)
  }
  return tree
}

/** Returns the clock ticks of processor time of processes, including children that they have waited for. */
export function ticksOf(tree) {
  const own = tree.map((pid) => statOf(pid).slice(11, 15).map(Number))
  return own.flat().reduce((sum, ticks) => sum + (ticks || 0), 0)
}

/**
 * Returns the running processes with this directory as TMPDIR, in their command line or as working directory, which have
 * started at this clock tick or later: most have not, and their other files need not be read.
 */
export function processesOf(directory, since) {
  return pids().filter((pid) => {
    const [state, ...fields] = statOf(pid)
    if (Number(pid) === process.pid || state === 'Z' || !(Number(fields[18]) >= since)) return false
    if (read(pid, 'environ').includes(directory) || read(pid, 'cmdline').includes(directory))
      return true
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)
    } catch {
      return false
    }
  })
}
