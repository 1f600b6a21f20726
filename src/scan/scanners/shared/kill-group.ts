import type { ChildProcess } from 'node:child_process'

/** Milliseconds from TERM to KILL. */
const GRACE = 500

/**
 * Sends a signal to a detached child and its process group: KILL, or TERM, which KILL follows if the
 * child has not ended within GRACE. Never throws.
 */
export function killGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): void {
  const { pid } = child
  if (pid === undefined) return // it was never started
  send(pid, signal)
  if (signal === 'SIGKILL') return
  const timer = setTimeout(() => send(pid, 'SIGKILL'), GRACE)
  child.once('exit', () => clearTimeout(timer))
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // Nothing of the group is left.
  }
}
