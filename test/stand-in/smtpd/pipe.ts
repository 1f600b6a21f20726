import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The two ends of a pipe(2). Both block, and close on exec. */
export interface Pipe {
  readonly read: number
  readonly write: number
}

/**
 * Makes pipes as qmail-smtpd does: the runtime's own pipes for a child are sockets, open in both
 * directions, and the slot could notice the difference. The pipes are FIFOs that are unlinked at once.
 * The caller closes the descriptors.
 */
export async function makePipes(count: number): Promise<Pipe[]> {
  const directory = await mkdtemp(join(tmpdir(), 'onescan-dir-'))
  try {
    const paths = Array.from({ length: count }, (_, index) => join(directory, String(index)))
    await promisify(execFile)('mkfifo', ['-m', '600', ...paths])
    return paths.map(openBothEnds)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function openBothEnds(path: string): Pipe {
  // open(2) of one end waits for the other one, unless a descriptor is open for both; fifo(7).
  const both = openSync(path, constants.O_RDWR)
  try {
    return { read: openSync(path, constants.O_RDONLY), write: openSync(path, constants.O_WRONLY) }
  } finally {
    closeSync(both)
  }
}
