import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linesIn } from '../../../doors/observe/log/read-log.ts'
import { error, type Finding } from '../../../ground/errors/finding.ts'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import type { Environment } from '../../../ground/settings/settings.ts'

/** Milliseconds for all trials of a program. */
const PATIENCE = 300_000
/** The most bytes of its complaint that are shown. */
const COMPLAINT_MAX = 300

/**
 * Yields what a service of onescan's says of itself with `--check` or `--check-settings`, a finding a line,
 * as it comes. `words` are its options, and its settings stand in `file`.
 */
export async function* askService(
  service: 'onescand' | 'onescan-quotad',
  words: readonly string[],
  { env, file }: { readonly env: Environment; readonly file: string },
): AsyncGenerator<Finding> {
  const [program, ...all] = siblingCommand(service, ...words, '--json')
  const child = spawn(program, all, {
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
        const finding = JSON.parse(Buffer.from(line, 'latin1').toString()) as Finding
        yield ofService(finding, service, file)
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

/** The finding with the file of its settings; it does not start with some faults. */
function ofService(finding: Finding, service: string, file: string): Finding {
  const { what, value, remedy, mark } = finding
  if (what !== 'settings' || remedy === undefined) return finding
  const stops = mark === 'stops the start' ? `: ${service} does not start with it` : ''
  return { ...finding, value: `${value}${stops}`, remedy: `${remedy} (${file})` }
}
