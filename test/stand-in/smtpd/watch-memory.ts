import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface MemoryWatch {
  /** Reads it once more. */
  read(): void
  /** Ends the watch, and returns the peak in bytes; 0 if the process ended before the first reading. */
  end(): number
}

/** Reads a process's largest resident size (VmHWM, proc(5)) every few milliseconds. */
export function watchMemory(child: ChildProcess): MemoryWatch {
  let peak = 0 // an exec begins a new count, so the largest of all is kept
  const read = () => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
      peak = Math.max(peak, Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024)
    } catch {
      // The process has ended.
    }
  }
  const timer = setInterval(read, 3)
  return {
    read,
    end() {
      clearInterval(timer)
      return peak
    },
  }
}
