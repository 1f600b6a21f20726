import { parseIpAddress } from '../../ground/net/ip-address.ts'
import type { DelayOptions } from './options.ts'
import { type PlanContext, planFor } from './plan.ts'
import { UsageError } from './split-options.ts'

/** Returns the line of `--explain IP [NAME]`: how long such a client would wait, and why. */
export async function explain(options: DelayOptions, context: PlanContext): Promise<string> {
  const [ip = '', name, ...rest] = options.words
  const address = parseIpAddress(ip)
  if (!address) throw new UsageError(`--explain ${ip}: is not an address`)
  if (rest.length > 0)
    throw new UsageError(`--explain: takes an address and a name, not ${rest[0]}`)
  const client = { ip, address, name, relay: false, delay: undefined, rbl: 'unset' } as const
  const plan = planFor(client, options, context)
  if (plan.kind !== 'wait') return `${ip}: no delay, ${plan.why}`
  const { delay, why } = await plan.delay
  return `${ip}: delay ${delay}, ${why}`
}
