import type { CheckLine } from '../../base/check/check-line.ts'
import { checkHostSwitch } from '../readiness/check-settings.ts'
import {
  checkOnescand,
  requestSelfTest,
  runsInWords,
  settingsInWords,
} from './check/services/check-onescand.ts'
import { lostSockets } from './check/services/lost-sockets.ts'
import { printsJson } from './command/cli-options.ts'
import { exitCodeOf, sumOf, withoutRepetitions } from './command/print-check-lines.ts'
import { makeCommand } from './command/run-command.ts'
import { askRunningDaemon, type RunningDaemon } from './host/running-daemon.ts'

/** `onescan status`: what `onescan check --daemon` finds, in five lines. */
export const statusCommand = makeCommand('status', {
  command: 'status',
  describe: 'Show in five lines whether onescand runs and scans',
  builder: (yargs) =>
    yargs
      .option('json', printsJson)
      .example('$0 status', 'See whether mail is scanned now')
      .epilogue('Exit codes: 0 no problems found; 1 there are warnings; 2 there are errors.'),
  async work(_, output) {
    const running = await askRunningDaemon()
    const selfTest = running?.description && (await requestSelfTest(running))
    const checkLines = checkHostSwitch()
    const lines = checkOnescand(running, true, lostSockets(running), async () => selfTest)
    for await (const checkLine of withoutRepetitions(lines)) checkLines.push(checkLine)
    const status = { ...describe(running, selfTest), problems: problemsIn(checkLines) }
    for (const [name, value] of Object.entries(status)) {
      output.text(`${name.padEnd(9)} ${value}\n`)
    }
    await output.result(status)
    return exitCodeOf(checkLines)
  },
})

const UNKNOWN = 'unknown'

/** Returns the state of a running onescand, in words. */
function describe(
  running: RunningDaemon | undefined,
  selfTest: Awaited<ReturnType<typeof requestSelfTest>>,
) {
  const { description } = running ?? {}
  return {
    onescand: description ? runsInWords(description) : running ? UNKNOWN : 'does not answer',
    settings: description ? settingsInWords(description) : UNKNOWN,
    open: selfTest ? selfTest.doors.join(', ') || 'no interface' : UNKNOWN,
    scanning: selfTest === undefined ? UNKNOWN : selfTest.wrong.length === 0 ? 'works' : 'fails',
  }
}

/** Returns the number of problems, and the first of the worst kind. */
function problemsIn(checkLines: readonly CheckLine[]): string {
  const worst = (['error', 'warning'] as const).flatMap((level) =>
    checkLines.filter((checkLine) => checkLine.level === level),
  )
  const [first] = worst
  if (first === undefined) return 'none'
  return `${sumOf(checkLines, [])}: ${first.what}: ${first.value}; onescan check lists all`
}
