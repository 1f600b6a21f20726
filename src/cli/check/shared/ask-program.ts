import { execFile } from 'node:child_process'
import { error, type Finding } from '../../../ground/errors/finding.ts'
import type { Environment } from '../../../ground/settings/settings.ts'

/** Milliseconds for all trials of a program. */
const PATIENCE = 300_000
/** The most bytes of its findings. */
const OUTPUT_MAX = 1024 * 1024

/** Resolves with what a program of onescan's says with `--check --json`: a finding a line. */
export function askProgram(
  [program, ...words]: readonly string[],
  env: Environment,
): Promise<Finding[]> {
  return new Promise((resolve) => {
    const options = {
      env,
      timeout: PATIENCE,
      maxBuffer: OUTPUT_MAX,
      killSignal: 'SIGKILL',
    } as const
    execFile(program!, words, options, (_, said, complaint) => {
      const lines = said.split('\n').filter((line) => line !== '')
      try {
        if (lines.length === 0) throw new Error('it says nothing')
        resolve(lines.map((line) => JSON.parse(line) as Finding))
      } catch {
        const why = complaint.trim().slice(-300) || 'it ended without a word'
        resolve([
          error('trials', `cannot be made: ${why}`, 'see whether this account may run onescan'),
        ])
      }
    })
  })
}
