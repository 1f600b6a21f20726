import { type CheckLine, failure, isCheckLine } from '../../../base/check/check-line.ts'
import { errorText } from '../../../base/errors/fault.ts'
import { follow, printTo, type RunningCommand } from './follow.ts'

/** Upper limits for the check lines of one account or service, and for the characters of a text in one. */
const LINES_MAX = 1_000
const TEXT_MAX = 4_000
/** The marks that an account may set: they only omit or explain check lines of the same account. */
const PASSED_ON = [
  'unreadable settings',
  'nothing scans',
  'finds no virus',
  'clamd is closed',
  'clamd does not run',
  'next server is down',
  'needs signatures',
  'infected mail by default',
] as const
/** The services by their accounts. */
const SERVICE_OF: Readonly<Record<string, string>> = {
  onescan: 'onescand',
  'onescan-quotad': 'onescan-quotad',
}
/** Milliseconds for a test of a service, which is silent meanwhile. */
export const TEST_OF_SERVICE = 120_000
/** Milliseconds for the whole report of an account. */
export const WHOLE = 600_000

/**
 * Returns a check line reported by an account. Its texts cannot fill the screen, neither by their length, nor by
 * blanks after which a terminal would begin a line that looks like another account's.
 */
export function asReportedBy(account: string, checkLine: CheckLine): CheckLine {
  const { what, value, remedy } = checkLine
  const text = (reported: string) => reported.replace(/[\s\u2800]{4,}/g, '   ').slice(0, TEXT_MAX)
  return {
    ...checkLine,
    what: text(what),
    value: text(value),
    account,
    ...(remedy !== undefined && { remedy: text(remedy) }),
  }
}

/**
 * Resolves to the report of a service, or of the account of onescan-queue: a check line in JSON on each line. It is
 * only as reliable as that account, which an attacker may control. Never rejects: a failure to run it is a
 * check line. `silence` is that of follow().
 */
export async function accountReport(
  run: RunningCommand,
  account: string,
  silence?: number,
): Promise<CheckLine[]> {
  const report: CheckLine[] = []
  const take = (line: string) => {
    const checkLine: unknown = JSON.parse(line)
    if (!isCheckLine(checkLine) || report.length === LINES_MAX)
      throw new Error('its answer is malformed')
    const { level, what, value, remedy } = checkLine
    // Only check lines of the same account may follow from it.
    const passedOn = (sent: unknown) =>
      PASSED_ON.filter((mark) => Array.isArray(sent) && sent.includes(mark))
    const marks = passedOn(checkLine.marks)
    const follows = passedOn(checkLine.follows)
    const own = { level, what, value, ...(remedy !== undefined && { remedy }), marks, follows }
    report.push(asReportedBy(account, own))
  }
  let complaints = 0
  const complain = (line: string) => {
    if (++complaints > LINES_MAX) throw new Error('it sent too many lines')
    return printTo(process.stderr, `${account}: ${line.slice(0, TEXT_MAX)}`)
  }
  try {
    const code = await follow(run, take, { silence, whole: WHOLE, complain })
    if (code !== 0 || report.length === 0) throw new Error(`it exited with ${code}`)
  } catch (error) {
    const value = `the check as ${account} failed: ${errorText(error)}; this part was not checked`
    const service = SERVICE_OF[account]
    const remedy = service === undefined ? 'run onescan check again' : `journalctl -u ${service}`
    report.push(failure('checks', value, remedy))
  }
  return report
}
