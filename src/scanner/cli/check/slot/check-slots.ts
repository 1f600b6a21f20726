import { type CheckLine, failure, warning } from '../../../../base/check/check-line.ts'
import { Fault } from '../../../../base/errors/fault.ts'
import { nameOrNumber, readAccounts, type SystemAccount } from '../../../readiness/host/account.ts'
import {
  findRunningServices,
  type RunningService,
  type RunningServices,
  readService,
  rootLine,
} from '../../host/running-services.ts'
import { accountReport } from '../../root/account-report.ts'
import { accountOfSlot, isOfService } from '../../root/check-accounts.ts'
import { runAs } from '../../root/run-as.ts'
import { checkSlot } from './check-slot.ts'
import { namesSlot, type SlotOptions } from './slot-hosts.ts'

/**
 * Checks the slot of qmail as the options set it up, or that of the process that they name. Without such
 * options it checks the slot of each SMTP service that runs. Root has that tried as the account of each.
 */
export async function* checkSlots(options: SlotOptions): AsyncGenerator<CheckLine> {
  const { services, checkLines } = await servicesOf(options)
  yield* checkLines
  if (options.rules !== undefined && services.length === 0) return
  if (process.getuid!() !== 0) {
    yield* checkSlot(options, services)
    return
  }
  const accounts = readAccounts()
  // Any process, even onescand, can use the name of such a service.
  yield* services
    .filter(({ uid }) => isOfService(uid, accounts))
    .map((service) =>
      rootLine(service, `${nameOrNumber(accounts, service.uid)}: nothing was tested`),
    )
  for (const { account, services: own } of slotsOf(services, options)) {
    const args = process.argv.slice(2).filter((arg) => arg !== '--json')
    const run = runAs({ account, args: [...args, '--services-from-root'], readsInput: true })
    run.stdin.end(JSON.stringify(own))
    yield* await accountReport(run, account.name)
  }
}

async function servicesOf(options: SlotOptions): Promise<RunningServices> {
  const { pid, rules } = options
  if (pid === undefined && rules === undefined && namesSlot(options)) return NONE
  const found =
    pid === undefined
      ? await findRunningServices()
      : { ...NONE, services: [await readService(pid)] }
  return rules === undefined ? found : withRules(found, rules)
}

const NONE: RunningServices = { services: [], checkLines: [], unread: [] }

/**
 * Returns the services that read the first file of `FILE=NEW`, with the second file in its place. A skipped
 * process is an error if its command line names that file: its mail would not be tested. Throws a Fault of kind
 * `config` for other words.
 */
async function withRules(
  { services, unread }: RunningServices,
  words: string,
): Promise<RunningServices> {
  const [file = '', fresh = ''] = words.split('=')
  if (file === '' || fresh === '')
    throw new Fault('config', `--rules ${words}: must be FILE=NEW, two files of tcprules`)
  const readers = services.filter(({ rules }) => rules === file)
  const checkLines: CheckLine[] = []
  for (const pid of unread) {
    const service = await readService(pid).catch(() => undefined)
    if (service?.rules !== file) continue
    const value = `reads ${file}, and was not tested: it is not supervised by root`
    const remedy = `if it is a service of this host, test it: onescan check --pid ${pid} --rules ${words}`
    checkLines.push(failure(`process ${pid}`, value, remedy))
  }
  if (readers.length === 0 && checkLines.length === 0) {
    const [other] = services.map((service) => service.rules ?? 'no rules')
    const what = 'no running service reads it: nothing was tested'
    checkLines.push(
      other === undefined
        ? warning(file, what, 'run onescan check once the service runs')
        : failure(file, `${what}, and the one that runs reads ${other}`, 'change those instead'),
    )
  }
  return {
    services: readers.map((reader) => ({ ...reader, rules: fresh })),
    checkLines,
    unread: [],
  }
}

/** Groups the services by account. Without a running one, uses the default account of onescan-queue. */
function slotsOf(
  services: readonly RunningService[],
  { user }: SlotOptions,
): readonly { readonly account: SystemAccount; readonly services: readonly RunningService[] }[] {
  if (services.length === 0) return [{ account: accountOfSlot(user, services), services }]
  const accounts = readAccounts()
  const slots = new Map<string, { account: SystemAccount; services: RunningService[] }>()
  for (const service of services) {
    const { uid, groups } = service
    if (user === undefined && isOfService(uid, accounts)) continue
    const account =
      user === undefined
        ? { name: nameOrNumber(accounts, uid), uid, groups }
        : accountOfSlot(user, [])
    const key = `${account.uid} ${account.groups.join()}`
    const known = slots.get(key)
    if (known) known.services.push(service)
    else slots.set(key, { account, services: [service] })
  }
  return [...slots.values()]
}
