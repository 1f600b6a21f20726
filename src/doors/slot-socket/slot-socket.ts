import { Budget } from '../../ground/flow/memory-budget.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { serve } from '../shared/serve.ts'
import type { Wire } from '../shared/wire.ts'
import { SlotServer, type SlotSocketOptions } from './server.ts'
import { serveSlotClient } from './session.ts'

/** Milliseconds between checks of what is due: an acknowledgement is, within a second. */
const TICK = 300
/** Milliseconds for a client to take its answer. */
const LEAVE_WITHIN = 3_000
/** Bytes that a conversation takes besides its request. They bound how many clients may wait. */
const SESSION_BYTES = 16 * 1024

/** Makes the slot's door, which speaks the protocol of onescan-slot(7) with clients. */
export function createSlotSocket(first: Configuration, options: SlotSocketOptions): Door {
  const server = new SlotServer(first, options)
  const budget = new Budget(options.memory)
  /** The conversations whose head has not come whole, in the order of arrival. */
  const waiting = new Set<Wire>()

  /**
   * Ends the oldest conversation that has asked nothing, if there are too many: they must not keep
   * others out.
   */
  function makeRoom(): void {
    if (waiting.size < options.maxClients) return
    const [oldest] = waiting
    waiting.delete(oldest!)
    oldest!.dismiss('too many connections')
  }

  const door = serve<Wire>({
    every: TICK,
    maxSockets: options.maxSockets,
    log: (why) => options.log(`slot socket: ${why}`),
    memory: () => budget.used,
    accept(socket, _, closed) {
      makeRoom()
      const lease = budget.open()
      const wire = serveSlotClient(socket, {
        server,
        lease,
        leaving: LEAVE_WITHIN,
        uptime: () => performance.now(),
        admit() {
          waiting.delete(wire)
          lease.charge(SESSION_BYTES)
        },
        closed() {
          waiting.delete(wire)
          closed()
        },
      })
      waiting.add(wire)
      return wire
    },
  })
  return { ...door, configure: (next) => server.configure(next) }
}
