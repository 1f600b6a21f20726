import { getSystemErrorName } from 'node:util'
import koffi from 'koffi'

/** The two ends of a pipe(2). Both block, and close on exec. */
export interface Pipe {
  readonly read: number
  readonly write: number
}

const pipe2 = koffi.load(null).func('pipe2', 'int', ['void *', 'int'])
const O_CLOEXEC = 0o2000000

/**
 * Makes pipes as qmail-smtpd does: the runtime's own pipes for a child are sockets, open in both
 * directions, and the slot could notice the difference. The caller closes the descriptors.
 */
export function makePipes(count: number): Pipe[] {
  return Array.from({ length: count }, () => {
    const ends = new Int32Array(2)
    if (pipe2(ends, O_CLOEXEC) !== 0)
      throw new Error(`pipe2: ${getSystemErrorName(-koffi.errno())}`)
    const [read, write] = ends as unknown as [number, number]
    return { read, write }
  })
}
