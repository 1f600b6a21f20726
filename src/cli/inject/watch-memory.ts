import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Looks at a process's largest resident size (VmHWM, proc(5)) every few
 * milliseconds. Returns what stops the watch and tells the peak in bytes.
 */
export function watchMemory(child: ChildProcess): () => number {
  let peak = 0 // of all that were seen: an exec starts a new count
  const look = () => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
      peak = Math.max(peak, Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024)
    } catch {
      // It has ended.
    }
  }
  const timer = setInterval(look, 3)
  return () => {
    clearInterval(timer)
    return peak
  }
}
