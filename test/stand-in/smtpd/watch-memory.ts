import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface MemoryWatch {
  /** Reads it once more. */
  read(): void
  /** Ends the watch, and returns the peak in bytes; 0 if the process ended before the first reading. */
  end(): number
}

/**
 * Reads the memory that belongs to a process alone (RssAnon, proc(5)) every few milliseconds. Mapped files are not
 * part of it: the kernel writes their pages back, or drops them, if it needs the memory.
 */
export function watchMemory(child: ChildProcess): MemoryWatch {
  let peak = 0
  const read = () => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
      peak = Math.max(peak, Number(/^RssAnon:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024)
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
