import { readFileSync } from 'node:fs'

/** Mask for O_RDONLY, O_WRONLY or O_RDWR. */
export const ACCESS_MODE = 3

/** The flags that a descriptor of this process was opened with (proc(5) fdinfo), or 0 if they are not told. */
export function descriptorFlags(fd: number): number {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  return Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '0', 8)
}
