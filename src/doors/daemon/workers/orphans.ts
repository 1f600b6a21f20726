import { readFileSync } from 'node:fs'
import { ownChildren } from '../../../ground/process/own-children.ts'
import { type ProcessStat, processStat } from '../../../ground/process/process-stat.ts'
import type { Libc } from '../../../ground/runtime/libc.ts'

export interface OrphanReaper {
  /** Resolves when all processes that plugins left behind have ended, or after a second. */
  ended(): Promise<void>
}

/**
 * Milliseconds for the runtime to wait for a child that has ended, wait(2). After them the child is
 * an orphan that this process must wait for.
 */
const UNCLAIMED = 1000
/** Milliseconds for the last orphans to end, when this process ends. */
const PATIENCE = 1000
/** Milliseconds between two looks at them. */
const POLL = 20

const noReaper: OrphanReaper = { ended: async () => {} }

/**
 * Kills processes that plugins leave behind in sessions of their own: they do not end with the
 * plugin's process group. Such a process becomes a child of this one when its parent has ended
 * (PR_SET_CHILD_SUBREAPER, prctl(2)).
 *
 * A process belongs to a plugin if it has the limit of processor time that all processes of plugins
 * have and none can lift again (host-command.ts). A process in this process's own session is no
 * plugin's, since no plugin can get into that session. Children that this process has started
 * itself are known, and so a process in the session of such a child is left alone: it ends with
 * that child.
 */
export function adoptOrphans(libc: Libc | undefined): OrphanReaper {
  const limit = limitOf('self')
  const ownSession = processStat('self')?.session
  if (libc === undefined || limit === undefined || ownSession === undefined) return noReaper
  libc.adoptOrphans()
  let isReaping = false
  process.on('SIGCHLD', killOrphans)

  function killOrphans(): void {
    const own = ownChildren()
    const ended: number[] = []
    for (const { pid, state, session } of children()) {
      if (own.has(pid) || session === ownSession) continue
      if (state === 'Z') ended.push(pid)
      else if (!own.has(session) && isOfPlugin(pid)) kill(pid) // SIGCHLD follows, and brings us here again
    }
    if (ended.length === 0 || isReaping) return
    isReaping = true
    setTimeout(() => reap(ended), UNCLAIMED).unref()
  }

  /** Waits for those of the ended children that the runtime has not waited for by now. */
  function reap(pids: readonly number[]): void {
    isReaping = false
    const own = ownChildren()
    const zombies = children().filter(({ pid, state }) => state === 'Z' && pids.includes(pid))
    for (const { pid } of zombies) if (!own.has(pid)) libc!.reap(pid)
    killOrphans()
  }

  function isOfPlugin(pid: number): boolean {
    const ofProcess = limitOf(String(pid))
    return ofProcess !== undefined && ofProcess !== limit
  }

  return {
    async ended() {
      for (const deadline = performance.now() + PATIENCE; performance.now() < deadline; ) {
        killOrphans()
        // If a process has just ended, its child may become ours after this list was read.
        const left = children().filter(({ session }) => session !== ownSession)
        const own = ownChildren()
        for (const { pid, state } of left) if (state === 'Z' && !own.has(pid)) libc.reap(pid)
        if (!left.some(({ pid, state }) => state === 'Z' || isOfPlugin(pid))) return
        await nextEnd()
      }
    },
  }
}

/**
 * Resolves when the next child has ended, or after POLL: the runtime may be late to wait for its
 * own.
 */
function nextEnd(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      process.off('SIGCHLD', done)
      resolve()
    }
    const timer = setTimeout(done, POLL)
    process.on('SIGCHLD', done)
  })
}

type Child = Pick<ProcessStat, 'pid' | 'state' | 'session'>

/** The children of this process, proc(5); none if the kernel does not list them. */
function children(): Child[] {
  const { pid } = process
  const list = read(`/proc/${pid}/task/${pid}/children`)?.trim()
  if (!list) return []
  return list.split(' ').map((child) => processStat(Number(child)) ?? endedChild(child))
}

/** A child that has ended since the list was read. */
const endedChild = (child: string): Child => ({ pid: Number(child), state: 'Z', session: 0 })

/** The hard limit of processor time of a process, as proc(5) has it. */
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
    // It has ended, or runs as another user by now.
  }
}
