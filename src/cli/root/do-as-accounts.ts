import { lstatSync } from 'node:fs'
import { Writable } from 'node:stream'
import { nameOrNumber, readAccounts, type SystemAccount } from '../../doors/readiness/account.ts'
import { attempt, errorText } from '../../ground/errors/fault.ts'
import { error, exitCodeOf, type Finding, isFinding } from '../../ground/errors/finding.ts'
import { findMailServers } from '../check/by-rule/mail-servers.ts'
import { isQuotadStarted } from '../check/daemon/quotad-start.ts'
import { namesSlot } from '../check/slot/slot-hosts.ts'
import { optionValues } from '../shared/options.ts'
import { findingLine } from '../shared/print-findings.ts'
import type { CheckPart } from '../shared/root-facts.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import {
  findPostfix,
  findRunningServices,
  type RunningService,
  readService,
  rootFinding,
} from '../shared/running-services.ts'
import { lineForTerminal, takesColours } from '../shared/terminal.ts'
import { accountFor, factsFor, slotAccountFor } from './account-for.ts'
import { type Bounds, doAsAccount } from './become-account.ts'

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
const unbounded: Bounds = { whole: Number.POSITIVE_INFINITY, lines: Number.POSITIVE_INFINITY }

/** The accounts that read logs, and groups that may read those of syslog and the journal. */
const OF_LOGS = ['onescan-log', 'onescan']
const LOG_GROUPS = ['adm', 'systemd-journal']
/** Logs are read by their account, which for this alone gets these groups. */
const logs: Manner = { accounts: OF_LOGS, groups: LOG_GROUPS, bounds: unbounded }
/** The account of onescand, which looks at mail servers, too. */
const OF_HOST = ['onescan']
const ofOnescand: Manner = { accounts: OF_HOST, bounds: brief }

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
    return runCommand(command, { json }, (output) => checkAsAccounts(words, output))
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

/** A part of check, and the account that does it. */
interface PartOfCheck {
  readonly account: SystemAccount
  readonly part: CheckPart
}

/** The most characters of JSON that an account says. */
const SAID_MAX = 8 * 1024 * 1024

/**
 * Has each part of check done by its account, one after the other, and says whose word it is. What an
 * account says or cannot do keeps no other one from its part. Resolves to the highest exit code.
 */
async function checkAsAccounts(words: readonly string[], output: Output): Promise<number> {
  const sums = { errors: 0, warnings: 0 }
  let worst = 0
  const tell = async (finding: Finding) => {
    worst = Math.max(worst, exitCodeOf([finding]))
    if (finding.level !== 'ok') sums[`${finding.level}s`]++
    if (!output.json) process.stdout.write(`${findingLine(finding, takesColours())}\n`)
    await output.result(finding)
  }
  for (const { account, part } of await partsOf(words, tell)) {
    const { name } = account
    const facts = factsFor(account, part)
    const maySetId = optionValues(words, '--mail').length > 0 // sendmail(1) queues mail by set-ID bits
    const readsAll = part.of === 'quotad'
    const work = { account, words, facts, maySetId, readsAll, bounds: brief, show: belowHeading }
    try {
      const said = new AccountOutput()
      output.text(`as the account ${name} says:\n`)
      const code = await doAsAccount(work, output.json ? said : process.stdout)
      worst = Math.max(worst, Math.min(code, FAILED))
      if (!output.json) continue
      const { findings, errors } = said.read()
      for (const finding of findings) await tell({ ...finding, account: name })
      for (const text of errors) output.error(`as ${name}: ${lineForTerminal(text)}`)
    } catch (thrown) {
      await tell(error('trials', `${errorText(thrown)}: this part was not looked at`, REMEDY))
    }
  }
  if (output.json) output.sum(sums)
  return worst
}

const REMEDY = 'see that setpriv works here, and that every user may run onescan'

/** Indents a line that is no finding: no account writes the heading of another one, or of root. */
const belowHeading = (line: string) =>
  /^(\x1b\[[\d;]+m)?(ok|warning|error) /.test(line) ? line : `  ${line}`

async function partsOf(
  words: readonly string[],
  tell: (finding: Finding) => Promise<void>,
): Promise<PartOfCheck[]> {
  const [user, pid, envdir] = ['--user', '--pid', '--envdir'].map((option) =>
    optionValues(words, option).at(-1),
  )
  const has = (...options: readonly string[]) =>
    words.some((word) => options.some((option) => word === option || word.startsWith(`${option}=`)))
  const ofHost: CheckPart = { of: 'host', postfix: findPostfix() }
  if (has('--mail')) return [{ account: accountFor(user, OF_LOGS, LOG_GROUPS), part: ofHost }]
  if (has('--daemon', '--postfix')) return [{ account: accountFor(user, OF_HOST), part: ofHost }]
  if (pid !== undefined) return slotsOf([await readService(pid)], user, tell)
  const { services, findings } = await findRunningServices()
  const slotBySettings = (): PartOfCheck => ({
    account: slotAccountFor(user, services),
    part: { of: 'slot', services: [] },
  })
  if (namesSlot({ pid, user, envdir, env: optionValues(words, '--env') })) return [slotBySettings()]
  for (const finding of findings) await tell(finding)
  let slots = await slotsOf(services, user, tell)
  const account = attempt(() => accountFor(undefined, OF_HOST))
  const quotad = isQuotadStarted()
    ? attempt(() => accountFor(undefined, ['onescan-quotad']))
    : undefined
  // Without services, the slot is looked at by its settings: for qmail, or if there is nothing else.
  if (services.length === 0 && (hasQmail() || !account)) slots = [slotBySettings()]
  return [
    ...(account ? [{ account, part: ofHost }] : []),
    ...slots,
    ...(quotad ? [{ account: quotad, part: { of: 'quotad' } } as const] : []),
  ]
}

/** The services of each account together. */
async function slotsOf(
  services: readonly RunningService[],
  user: string | undefined,
  tell: (finding: Finding) => Promise<void>,
): Promise<PartOfCheck[]> {
  const accounts = readAccounts()
  const parts = new Map<
    string,
    { account: SystemAccount; part: { of: 'slot'; services: RunningService[] } }
  >()
  for (const service of services) {
    const { uid, groups } = service
    if (uid === 0 && user === undefined) {
      await tell(rootFinding(service, ': nothing was tried'))
      continue
    }
    const account = user ? accountFor(user, []) : { name: nameOrNumber(accounts, uid), uid, groups }
    const key = `${account.uid} ${account.groups.join()}`
    const known = parts.get(key)
    if (known) known.part.services.push(service)
    else parts.set(key, { account, part: { of: 'slot', services: [service] } })
  }
  return [...parts.values()]
}

const isThere = (path: string) => attempt(() => lstatSync(path)) !== undefined

const hasQmail = () => findMailServers(isThere).includes('qmail')

/** What an account says as JSON. */
class AccountOutput extends Writable {
  #text = ''

  override _write(piece: Buffer | string, _: string, done: (error?: Error) => void): void {
    this.#text += String(piece)
    done(this.#text.length > SAID_MAX ? new Error('it says too much') : undefined)
  }

  /** The findings and errors among it. Throws if it is not what check prints. */
  read(): { readonly findings: readonly Finding[]; readonly errors: readonly string[] } {
    const { results, errors } = JSON.parse(this.#text) as Record<string, unknown>
    if (!Array.isArray(results) || !Array.isArray(errors))
      throw new Error('it says something unknown')
    return { findings: results.map(findingIn), errors: errors.map(String) }
  }
}

function findingIn(said: unknown): Finding {
  if (!isFinding(said)) throw new Error('it says something that is no finding')
  const { level, what, value, remedy } = said
  return { level, what, value, ...(remedy !== undefined && { remedy }) }
}
