import { errorText } from '../../lib/errors/fault.ts'
import { type Finding, failure, isFinding } from '../../lib/errors/finding.ts'
import { follow, printTo, type RunningCommand } from './follow.ts'

/** Upper limits for the findings of one account or service, and for the characters of a text in one. */
const FINDINGS_MAX = 1_000
const TEXT_MAX = 4_000
/** The marks that an account may set: they only omit or explain findings of the same account. */
const PASSED_ON = ['nothing scans', 'clamd does not run', 'infected mail by default'] as const
/** Milliseconds for a test of a service, which is silent meanwhile. */
export const TEST_OF_SERVICE = 120_000
/** Milliseconds for the whole report of an account. */
export const WHOLE = 600_000

/**
 * Returns a finding reported by an account. Its texts cannot fill the screen, neither by their length, nor by
 * blanks after which a terminal would begin a line that looks like another account's.
 */
export function asReportedBy(account: string, finding: Finding): Finding {
  const { what, value, remedy } = finding
  const text = (reported: string) => reported.replace(/[\s\u2800]{4,}/g, '   ').slice(0, TEXT_MAX)
  return {
    ...finding,
    ...{ what: text(what), value: text(value), account },
    ...(remedy !== undefined && { remedy: text(remedy) }),
  }
}

/**
 * Resolves to the report of a service, or of the account of onescan-queue: a finding in JSON a line. It is
 * only as reliable as that account, which an attacker may control. Never rejects: a failure to run it is a
 * finding. `silence` is that of follow().
 */
export async function accountReport(
  run: RunningCommand,
  account: string,
  silence?: number,
): Promise<Finding[]> {
  const report: Finding[] = []
  const take = (line: string) => {
    const finding: unknown = JSON.parse(line)
    if (!isFinding(finding) || report.length === FINDINGS_MAX)
      throw new Error('its answer is malformed')
    const { level, what, value, remedy, marks } = finding
    // Only findings of the same account may follow from it.
    const passedOn = PASSED_ON.filter((mark) => Array.isArray(marks) && marks.includes(mark))
    const own = { level, what, value, ...(remedy !== undefined && { remedy }), marks: passedOn }
    report.push(asReportedBy(account, own))
  }
  let complaints = 0
  const complain = (line: string) => {
    if (++complaints > FINDINGS_MAX) throw new Error('it sent too many findings')
    return printTo(process.stderr, `${account}: ${line.slice(0, TEXT_MAX)}`)
  }
  try {
    const code = await follow(run, take, { silence, whole: WHOLE, complain })
    if (code !== 0 || report.length === 0) throw new Error(`it exited with ${code}`)
  } catch (error) {
    const value = `the check as ${account} failed: ${errorText(error)}; this part was not checked`
    report.push(failure('checks', value, 'check its log'))
  }
  return report
}
