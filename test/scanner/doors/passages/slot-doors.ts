import { onescanc } from '../../../c/onescanc/client.ts'
import type { RunningDaemon } from '../../daemon/process.ts'
import { quickest, runSlot, type SlotRun } from '../slot/slot.ts'
import type { Door, Passage } from './passage.ts'

type Settings = Readonly<Record<string, string>>

/** The program that does it all by itself, started for each message. */
export function standaloneSlot(settings: Settings): Door {
  return {
    name: 'standalone slot',
    send: async (message) =>
      passageOf(message, await runSlot({ program: quickest, message, settings })),
  }
}

/** The client in C in the slot, which asks the daemon at that socket. */
export function clientAndDaemon(ownSettings: Settings, socket: string): Door {
  const settings = { ...ownSettings, ONESCAN_SOCKET: socket }
  return {
    name: 'onescanc and onescand',
    send: async (message) =>
      passageOf(message, await runSlot({ program: [onescanc], message, settings })),
  }
}

/**
 * The daemon asked by a client that keeps to the document of the protocol; what it leaves to
 * the standalone program goes there, as it would.
 */
export function slotSocket(variables: Settings, daemon: RunningDaemon, standalone: Door): Door {
  return {
    name: 'slot socket',
    async send(message) {
      const { does, code, log, message: left } = await daemon.ask({ message, variables })
      if (does === 'go standalone') return standalone.send(message)
      if (does === 'hand on') return { outcome: 'passed', log, came: message, left }
      return { outcome: outcomeOf(code), log, came: message, left: undefined }
    },
  }
}

const outcomeOf = (code: number | undefined) =>
  code === 0 ? 'dropped' : code === 31 ? 'refused' : 'deferred'

function passageOf(came: Buffer, { code, deliveries, logged: log }: SlotRun): Passage {
  if (deliveries.length > (code === 0 ? 1 : 0)) {
    throw new Error(`exit ${code}, and ${deliveries.length} in the queue: ${log}`)
  }
  const left = deliveries[0]?.message
  return { outcome: left ? 'passed' : outcomeOf(code), log, came, left }
}
