import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Reads a process's largest resident size (VmHWM, proc(5)) every few milliseconds. Returns a
 * function that ends the watch and returns the peak in bytes.
 */
export function watchMemory(child: ChildProcess): () => number {
  let peak = 0 // an exec begins a new count, so the largest of all is kept
  const readPeak = () => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
      peak = Math.max(peak, Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024)
    } catch {
      // The process has ended.
    }
  }
  const timer = setInterval(readPeak, 3)
  return () => {
    clearInterval(timer)
    return peak
  }
}
