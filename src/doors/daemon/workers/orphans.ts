import { readFileSync } from 'node:fs'
import { ownChildren } from '../../../ground/process/own-children.ts'
import { type ProcessStat, processStat } from '../../../ground/process/process-stat.ts'
import type { Libc } from '../../../ground/runtime/libc.ts'

export interface OrphanReaper {
  /** Resolves when no process of a plugin is left, or after a second. */
  ended(): Promise<void>
}

/** Milliseconds after which nobody but this process waits for a child that has ended. */
const UNCLAIMED = 1000
/** Milliseconds for the last ones to end. */
const PATIENCE = 1000
/** Milliseconds between two looks at them. */
const TURN = 20

const nobody: OrphanReaper = { ended: async () => {} }

/**
 * Ends what plugins leave behind beyond the process group that ends with each: a process in a
 * session of its own becomes a child of this one when its parent has ended (PR_SET_CHILD_SUBREAPER,
 * prctl(2)). That it comes from a plugin is told by the limit of processor time that all processes
 * of plugins have and none can take off again (host-command.ts). No plugin can get into the
 * session of this process; those in sessions of their own that it has started itself are noted,
 * and what belongs to the session of one that lives ends with that.
 */
export function adoptOrphans(libc: Libc | undefined): OrphanReaper {
  const limit = limitOf('self')
  const ownSession = processStat('self')?.session
  if (libc === undefined || limit === undefined || ownSession === undefined) return nobody
  libc.adoptOrphans()
  let waits = false
  process.on('SIGCHLD', look)

  function look(): void {
    const own = ownChildren()
    const ended: number[] = []
    for (const { pid, state, session } of children()) {
      if (own.has(pid) || session === ownSession) continue
      if (state === 'Z') ended.push(pid)
      else if (!own.has(session) && isOfPlugin(pid)) kill(pid) // and SIGCHLD tells of its end
    }
    if (ended.length === 0 || waits) return
    waits = true
    setTimeout(() => reap(ended), UNCLAIMED).unref()
  }

  /**
   * A child that has ended, and that nobody has waited for by then, is this process's to wait for.
   */
  function reap(pids: readonly number[]): void {
    waits = false
    const own = ownChildren()
    const still = children().filter(({ pid, state }) => state === 'Z' && pids.includes(pid))
    for (const { pid } of still) if (!own.has(pid)) libc!.reap(pid)
    look()
  }

  function isOfPlugin(pid: number): boolean {
    const ofProcess = limitOf(String(pid))
    return ofProcess !== undefined && ofProcess !== limit
  }

  return {
    async ended() {
      for (const deadline = performance.now() + PATIENCE; performance.now() < deadline; ) {
        look()
        // A process that has just ended may have left us a child that this list does not have yet.
        const left = children().filter(({ session }) => session !== ownSession)
        const own = ownChildren()
        for (const { pid, state } of left) if (state === 'Z' && !own.has(pid)) libc.reap(pid)
        if (!left.some(({ pid, state }) => state === 'Z' || isOfPlugin(pid))) return
        await soon()
      }
    },
  }
}

/**
 * Called when a child has ended, or a little later: the runtime frees its own children when it
 * comes to that.
 */
function soon(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      process.off('SIGCHLD', done)
      resolve()
    }
    const timer = setTimeout(done, TURN)
    process.on('SIGCHLD', done)
  })
}

type Child = Pick<ProcessStat, 'pid' | 'state' | 'session'>

/** proc(5); none if the kernel does not list them. */
function children(): Child[] {
  const { pid } = process
  const list = read(`/proc/${pid}/task/${pid}/children`)?.trim()
  if (!list) return []
  // A process that ended meanwhile counts as ended.
  return list.split(' ').map((child) => processStat(Number(child)) ?? gone(child))
}

const gone = (child: string): Child => ({ pid: Number(child), state: 'Z', session: 0 })

/** The hard limit of processor time, as proc(5) has it. */
function limitOf(process: string): string | undefined {
  return /^Max cpu time +\S+ +(\S+)/m.exec(read(`/proc/${process}/limits`) ?? '')?.[1]
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return undefined
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended, or has become another user's.
  }
}
