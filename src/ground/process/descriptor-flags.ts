import { readFileSync } from 'node:fs'

/** The bits that hold O_RDONLY, O_WRONLY or O_RDWR. */
export const ACCESS_MODE = 3

/**
 * Returns the flags with which this process has opened a descriptor (proc(5), fdinfo), or 0 if they
 * cannot be read.
 */
export function descriptorFlags(fd: number): number {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  return Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '0', 8)
}
