import { lstatSync } from 'node:fs'
import { Writable } from 'node:stream'
import { nameOrNumber, readAccounts, type SystemAccount } from '../../doors/readiness/account.ts'
import { attempt, errorText } from '../../ground/errors/fault.ts'
import { error, exitCodeOf, type Finding, isFinding } from '../../ground/errors/finding.ts'
import { findMailServers } from '../check/by-rule/mail-servers.ts'
import { isQuotadStarted } from '../check/daemon/quotad-start.ts'
import { optionValues } from '../shared/options.ts'
import { findingLine } from '../shared/print-findings.ts'
import type { CheckPart } from '../shared/root-facts.ts'
import { FAILED, type Output } from '../shared/run-command.ts'
import {
  findPostfix,
  findRunningServices,
  type RunningService,
  readService,
} from '../shared/running-services.ts'
import { lineForTerminal, takesColours } from '../shared/terminal.ts'
import { accountFor, factsFor, slotAccountFor } from './account-for.ts'
import { type Bounds, doAsAccount } from './become-account.ts'

/** A part of check, and the account that does it. */
interface PartOfCheck {
  readonly account: SystemAccount
  readonly part: CheckPart
}

/** The account that looks at mail servers and onescand. */
const OF_HOST = ['onescan']
/** The accounts that read logs, and groups that may read those of syslog and the journal. */
export const OF_LOGS = ['onescan-log', 'onescan']
export const LOG_GROUPS = ['adm', 'systemd-journal']
const QUOTAD = 'onescan-quotad'

/** The most characters of JSON that an account says. */
const SAID_MAX = 8 * 1024 * 1024

/**
 * Has each part of check done by its account, one after the other, and says whose word it is. What an
 * account says or cannot do keeps no other one from its part. Resolves with the highest exit code.
 */
export async function checkAsAccounts(
  words: readonly string[],
  output: Output,
  bounds: Bounds,
): Promise<number> {
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
    const work = { account, words, facts, maySetId, readsAll, bounds, show: belowHeading }
    try {
      const said = new Said()
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
  const [user, pid] = ['--user', '--pid'].map((option) => optionValues(words, option).at(-1))
  const has = (...options: readonly string[]) =>
    words.some((word) => options.some((option) => word === option || word.startsWith(`${option}=`)))
  const ofHost: CheckPart = { of: 'host', postfix: findPostfix() }
  if (has('--mail')) {
    return [{ account: accountFor(user, OF_LOGS, LOG_GROUPS), part: ofHost }]
  }
  if (has('--daemon', '--postfix')) {
    return [{ account: accountFor(user, OF_HOST), part: ofHost }]
  }
  if (pid !== undefined) return slotsOf([await readService(pid)], user, tell)
  const { QMAILQUEUE, QHPSI, QMAILHOME, QUEUECHAIN } = process.env
  const isNamed =
    has('--user', '--env', '--envdir') || [QMAILQUEUE, QHPSI, QMAILHOME, QUEUECHAIN].some(Boolean)
  const { services, findings } = await findRunningServices()
  const unset = (): PartOfCheck => ({
    account: slotAccountFor(user, services),
    part: { of: 'slot', services: [] },
  })
  if (isNamed) return [unset()]
  for (const finding of findings) await tell(finding)
  const slots = await slotsOf(services, user, tell)
  const account = attempt(() => accountFor(undefined, OF_HOST))
  const quotad = isQuotadStarted() ? attempt(() => accountFor(undefined, [QUOTAD])) : undefined
  return [
    ...(account ? [{ account, part: ofHost }] : []),
    ...(slots.length > 0
      ? slots
      : services.length === 0 && (hasQmail() || !account)
        ? [unset()]
        : []),
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
    const { pid, uid, groups } = service
    if (uid === 0 && user === undefined) {
      const value = 'runs qmail-smtpd as root: nothing was tried'
      await tell(
        error(`process ${pid}`, value, 'give tcpserver -u "$(id -u qmaild)" -g "$(id -g onescan)"'),
      )
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
class Said extends Writable {
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
