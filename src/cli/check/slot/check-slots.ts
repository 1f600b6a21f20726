import type { Finding } from '../../../lib/errors/finding.ts'
import { nameOrNumber, readAccounts, type SystemAccount } from '../../../readiness/account.ts'
import { runAs } from '../../root/run-as.ts'
import { saidBy } from '../../root/said.ts'
import { accountOfSlot, isOfService } from '../../shared/accounts.ts'
import {
  findRunningServices,
  type RunningService,
  readService,
  rootFinding,
} from '../../shared/running-services.ts'
import { checkSlot } from './check-slot.ts'
import { namesSlot, type SlotOptions } from './slot-hosts.ts'

/**
 * Checks the slot of qmail as the options set it up, or that of the process that they name. Without such
 * options it checks the slot of each SMTP service that runs. Root has that tried as the account of each.
 */
export async function* checkSlots(options: SlotOptions): AsyncGenerator<Finding> {
  const { services, findings } = await servicesOf(options)
  yield* findings
  if (process.getuid!() !== 0) {
    yield* checkSlot(options, services)
    return
  }
  const accounts = readAccounts()
  // Any process can take the name of such a service: onescand's, too.
  yield* services
    .filter(({ uid }) => isOfService(uid, accounts))
    .map((service) =>
      rootFinding(service, `${nameOrNumber(accounts, service.uid)}: nothing was tried`),
    )
  for (const { account, services: own } of slotsOf(services, options)) {
    const args = process.argv.slice(2).filter((arg) => arg !== '--json')
    const run = runAs({ account, args: [...args, '--given'], reads: true })
    run.stdin!.end(JSON.stringify(own))
    yield* await saidBy(run, account.name)
  }
}

async function servicesOf(options: SlotOptions): ReturnType<typeof findRunningServices> {
  if (options.pid !== undefined) return { services: [await readService(options.pid)], findings: [] }
  return namesSlot(options) ? { services: [], findings: [] } : findRunningServices()
}

/** The services of each account together; the usual account of slots, if none runs. */
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
