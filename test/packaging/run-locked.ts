import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Milliseconds between two lines of a file that waits: well below those after which it counts as hung. */
const SHOWN_EACH = 15_000
/** Seconds for which a file waits for another one. */
const WAITS = 900

/**
 * Runs a script of sh(1) with `words` while no other test file runs one with the same lock file: what several
 * files need is made by one of them, and the others wait. A wait is shown to the runner, which would otherwise
 * end the file. Resolves to what the script wrote to its standard output; rejects if it fails.
 */
export async function runLocked(
  lock: string,
  script: string,
  words: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const shown = setInterval(
    () => process.stdout.write(`# another file works on ${lock}\n`),
    SHOWN_EACH,
  )
  try {
    const command = ['--wait', String(WAITS), lock, 'sh', '-c', script, 'sh', ...words]
    const { stdout } = await run('flock', command, { ...options, maxBuffer: 64 * 1024 * 1024 })
    return stdout
  } finally {
    clearInterval(shown)
  }
}
