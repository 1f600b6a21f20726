import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linesIn } from '../../../doors/observe/log/read-log.ts'
import { error, type Finding } from '../../../ground/errors/finding.ts'
import type { Environment } from '../../../ground/settings/settings.ts'

/** Milliseconds for all trials of a program. */
const PATIENCE = 300_000
/** The most bytes of its complaint that are shown. */
const COMPLAINT_MAX = 300

/** Yields what a program of onescan's says with `--check --json`, a finding a line, as it comes. */
export async function* askProgram(
  [program, ...words]: readonly string[],
  env: Environment,
): AsyncGenerator<Finding> {
  const child = spawn(program!, words, {
    env,
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close').catch((thrown) => [thrown.message])
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_MAX)
  })
  let said = 0
  let failure = ''
  try {
    for await (const lines of linesIn(child.stdout)) {
      for (const line of lines.filter((text) => text.trim() !== '')) {
        yield JSON.parse(Buffer.from(line, 'latin1').toString()) as Finding
        said++
      }
    }
  } catch {
    failure = 'it says something else'
  } finally {
    child.kill('SIGKILL')
  }
  const [code] = await ended
  if (failure === '' && said > 0 && code === 0) return
  const why = complaint.trim() || failure || 'it ended without a word'
  yield error('trials', `cannot be made: ${why}`, 'see whether this account may run onescan')
}
