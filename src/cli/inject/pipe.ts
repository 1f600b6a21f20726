import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * A pipe(2): what is written to `write` can be read from `read`. Both ends block, and close on
 * exec.
 */
export interface Pipe {
  readonly read: number
  readonly write: number
}

/**
 * Makes real pipes. The runtime's own stdio pipes are sockets, open in both directions; the slot
 * may notice that qmail-smtpd gives it something else.
 *
 * They are FIFOs that are unlinked at once. The caller closes the descriptors.
 */
export async function makePipes(count: number): Promise<Pipe[]> {
  const directory = await mkdtemp(join(tmpdir(), 'onescan-inject-'))
  try {
    const paths = Array.from({ length: count }, (_, index) => join(directory, String(index)))
    await promisify(execFile)('mkfifo', ['-m', '600', ...paths])
    return paths.map(openBothEnds)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function openBothEnds(path: string): Pipe {
  // open(2) of each end would wait for the other. One descriptor that is both (fifo(7)) prevents
  // that.
  const both = openSync(path, constants.O_RDWR)
  try {
    return { read: openSync(path, constants.O_RDONLY), write: openSync(path, constants.O_WRONLY) }
  } finally {
    closeSync(both)
  }
}
