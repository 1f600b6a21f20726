import { optionValues } from '../shared/options.ts'
import { FAILED, runCommand } from '../shared/run-command.ts'
import { findRunningServices } from '../shared/running-services.ts'
import { accountFor, factsFor, slotAccountFor } from './account-for.ts'
import { type Bounds, doAsAccount } from './become-account.ts'
import { checkAsAccounts, LOG_GROUPS, OF_LOGS } from './check-as-accounts.ts'

/** How root has a command done. */
interface Manner {
  /** The accounts that may do it: the first one that this host has. Undefined is that of the slot. */
  readonly accounts?: readonly string[]
  /** More groups, if this host has them. */
  readonly groups?: readonly string[]
  readonly maySetId?: boolean
  readonly bounds: Bounds
}

const MINUTE = 60_000
const brief: Bounds = { whole: 6 * MINUTE, lines: 10_000 }
/** For what waits for a slot, its scanners and the next program. */
const patient: Bounds = { whole: 30 * MINUTE, lines: 10_000 }
/** For work that a person watches and ends, or that follows a log. */
const unbounded: Bounds = { whole: Infinity, lines: Infinity }

/** Logs are read by their account, which for this alone gets the groups that may read syslog's. */
const logs: Manner = {
  accounts: OF_LOGS,
  groups: LOG_GROUPS,
  bounds: unbounded,
}
const ofOnescand: Manner = { accounts: ['onescan'], bounds: brief }

/** The commands that root has an account do. Mail is queued by programs with set-ID bits. */
const manners: Readonly<Record<string, Manner>> = {
  check: ofOnescand,
  inject: { maySetId: true, bounds: patient },
  log: logs,
  policy: ofOnescand,
  quarantine: { ...ofOnescand, bounds: unbounded },
  'quarantine release': { ...ofOnescand, maySetId: true, bounds: patient },
  quota: ofOnescand,
  report: logs,
  scan: { ...ofOnescand, bounds: unbounded },
  verify: ofOnescand,
}

/** The command among these words that root has an account do; undefined if there is none. */
export function commandForAccount(words: readonly string[]): string | undefined {
  const [command = ''] = words
  const isQuestion = words.some((word) => /^(--help|-h|--version)$/.test(word))
  return Object.hasOwn(manners, command) && !isQuestion ? command : undefined
}

/** Has a command done by its account, or `check` by that of each service. Sets the exit code. */
export async function doAsAccounts(command: string, words: readonly string[]): Promise<void> {
  const json = words.includes('--json')
  if (command === 'check') {
    return runCommand(command, { json }, (output) => checkAsAccounts(words, output, brief))
  }
  try {
    const manner = manners[words.slice(0, 2).join(' ')] ?? manners[command]!
    const { accounts, groups, maySetId = false, bounds } = manner
    const named = optionValues(words, '--user').at(-1)
    const account = accounts
      ? accountFor(named, accounts, groups)
      : slotAccountFor(named, (await findRunningServices()).services)
    const work = { account, words, facts: factsFor(account), maySetId, bounds }
    process.exitCode = await doAsAccount(work, process.stdout)
  } catch (error) {
    process.exitCode = FAILED
    await runCommand(command, { json }, () => Promise.reject(error))
  }
}
