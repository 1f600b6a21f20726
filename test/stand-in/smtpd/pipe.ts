import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The two ends of a pipe(2). Both block, and close on exec. */
export interface Pipe {
  readonly read: number
  readonly write: number
}

/** FIFOs that one mkfifo(1) makes: it takes more time than the slot's whole conversation. */
const STOCK = 64

/** The paths of FIFOs that are not pipes yet. */
const stock: string[] = []

/**
 * Makes pipes as qmail-smtpd does: the runtime's own pipes for a child are sockets, open in both
 * directions, and the slot could notice the difference. The pipes are FIFOs that are unlinked at once.
 * The caller closes the descriptors.
 */
export function makePipes(count: number): Pipe[] {
  return Array.from({ length: count }, () => {
    if (stock.length === 0) stock.push(...makeFifos())
    const path = stock.pop()!
    try {
      return openBothEnds(path)
    } finally {
      rmSync(path)
    }
  })
}

function makeFifos(): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-dir-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const paths = Array.from({ length: STOCK }, (_, index) => join(directory, String(index)))
  execFileSync('mkfifo', ['-m', '600', ...paths])
  return paths
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
