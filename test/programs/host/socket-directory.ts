import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ending } from './server.ts'

/**
 * Makes a directory for unix sockets, which is removed with the test. Its path is short enough for
 * a socket (unix(7): 107 bytes), wherever the checkout is; that of t.testdir() may be too long.
 */
export function socketDirectory(t: Ending): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-sockets-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
