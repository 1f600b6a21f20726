import { addressKey } from '../../../base/net/ip-address.ts'
import type { Configuration } from '../../configuration/configuration.ts'
import { type Door, maxConnectionsFor, serve, tickFor } from '../../serving/serve.ts'
import type { Wire } from '../../serving/wire.ts'
import { type MilterOptions, MilterServices, milterTimeouts } from './milter-services.ts'
import { MtaConversation } from './mta-conversation.ts'

/** Returns the milter door, which serves sessions of MTAs. */
export function createMilterDoor(first: Configuration, options: MilterOptions): Door {
  const { maxSockets, budget, log, timeouts = milterTimeouts } = options
  const { maxConnections = maxConnectionsFor(maxSockets) } = options
  const services = new MilterServices(first, options)
  return serve<Wire>({
    configure(next) {
      services.configuration = next
    },
    every: tickFor(timeouts.progressAfter),
    maxConnections,
    maxSockets,
    log: (reason) => log(`milter: ${reason}`),
    memory: () => budget.used,
    accept(client, _, closed) {
      const conversation = new MtaConversation(client, {
        services,
        lease: budget.open(addressKey(client.address)),
        timeouts,
        leaving: timeouts.leaving,
        uptime: services.uptime,
        log,
        closed,
      })
      return conversation.wire
    },
  })
}
