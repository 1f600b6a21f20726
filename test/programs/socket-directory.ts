import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/**
 * A directory for unix sockets, removed with the test: its path is short enough for one
 * (unix(7): 107 bytes), wherever the checkout lies. That of t.testdir() need not be.
 */
export function socketDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-sockets-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
