import { errorText } from '../../lib/errors/fault.ts'
import { type Finding, failure, isFinding } from '../../lib/errors/finding.ts'
import { follow, type RunningCommand } from './follow.ts'

/** The most findings of one account or service. */
const FINDINGS_MAX = 1_000
/** Milliseconds for a trial of a service, which says nothing meanwhile. */
export const TRIAL_OF_SERVICE = 120_000

/**
 * Resolves to what a service, or the account of a slot, says: a finding in JSON a line. It is the word of that
 * account, whoever holds it. Never rejects: what cannot be asked is a finding. `silence` is as follow() has it.
 */
export async function saidBy(
  run: RunningCommand,
  account: string,
  silence?: number,
): Promise<Finding[]> {
  const said: Finding[] = []
  const take = (line: string) => {
    const finding: unknown = JSON.parse(line)
    if (!isFinding(finding) || said.length === FINDINGS_MAX)
      throw new Error('it says something else')
    const { level, what, value, remedy, mark } = finding
    const isBroken = mark === 'nothing scans' && { mark } // of this account: what follows is its word, too
    said.push({ level, what, value, ...(remedy !== undefined && { remedy }), ...isBroken, account })
  }
  try {
    const code = await follow(run, take, silence)
    if (code !== 0 || said.length === 0) throw new Error(`it ended with ${code}`)
  } catch (error) {
    const value = `${account} was asked: ${errorText(error)}; this part was not looked at`
    said.push(failure('trials', value, 'see its log'))
  }
  return said
}
