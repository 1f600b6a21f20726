import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Environment } from '../../src/base/process/environment.ts'
import { hostNames } from './hosts.ts'

/** Marks a directory that a trial made: what is there may be replaced. */
const MARK = 'made-by-npm-run-try'

/**
 * An empty place for the hosts: the directory that was named, or a fresh one among
 * the temporary files. One that an earlier trial used is cleared of its hosts; any
 * other that holds something is left alone, and an error.
 */
export function prepareDirectory(args: readonly string[], env: Environment): string {
  const [wanted, ...more] = args
  if (more.length > 0 || wanted?.startsWith('-')) {
    throw new Error('takes no option, and one directory at most: npm run try -- DIRECTORY')
  }
  const directory = wanted === undefined ? temporary() : named(wanted, env)
  for (const host of hostNames) rmSync(join(directory, host), { recursive: true, force: true })
  writeFileSync(join(directory, MARK), 'A new trial in this directory replaces its hosts.\n')
  return directory
}

/** Of a trial that a signal ends, nobody looks at what was delivered. */
function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-try-'))
  process.once('exit', (code) => {
    if (code > 128) rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

/** npm starts scripts in the package's own directory; INIT_CWD is where the user is. */
function named(wanted: string, env: Environment): string {
  const directory = resolve(env.INIT_CWD ?? '.', wanted)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (readdirSync(directory).length > 0 && !existsSync(join(directory, MARK))) {
    throw new Error(`${directory} is not empty and no earlier trial's; name another directory`)
  }
  return directory
}
