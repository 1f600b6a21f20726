import type { RunningDaemon } from '../doors/daemon/process.ts'
import { compiled, quickest, runSlot, type SlotRun } from '../doors/slot/slot.ts'
import type { Question } from '../doors/slot-socket/client.ts'
import type { Door, Passage, Variant } from './passage.ts'

type Settings = Readonly<Record<Variant, Readonly<Record<string, string>>>>
type Daemons = Readonly<Record<Variant, RunningDaemon>>

/** The program that does it all by itself, started for each message. */
export function coldSlot(settings: Settings): Door {
  return {
    name: 'cold slot',
    async send(message, variant) {
      return passageOf(
        message,
        await runSlot({ program: quickest, message, settings: settings[variant] }),
      )
    },
  }
}

/** The client in C in the slot, which asks the daemon. */
export function clientAndDaemon(
  program: readonly string[],
  settings: Settings,
  daemons: Daemons,
): Door {
  return {
    name: 'onescanc and onescand',
    async send(message, variant) {
      const own = { ONESCAN_COLD: compiled, ONESCAN_SOCKET: daemons[variant].socket }
      const run = await runSlot({ program, message, settings: { ...settings[variant], ...own } })
      return passageOf(message, run)
    },
  }
}

/**
 * The daemon asked by a client that keeps to the document of the protocol; what it leaves to
 * the cold program goes there, as it would.
 */
export function slotSocket(settings: Settings, daemons: Daemons, cold: Door): Door {
  return {
    name: 'slot socket',
    async send(message, variant) {
      const question: Question = { message, variables: settings[variant] }
      const answer = await daemons[variant].ask(question)
      const { log } = answer
      switch (answer.does) {
        case 'go cold':
          return cold.send(message, variant)
        case 'hand on':
          return { outcome: 'passed', log, came: message, left: answer.message }
        case 'end': {
          const outcome =
            answer.code === 0 ? 'dropped' : answer.code === 31 ? 'refused' : 'deferred'
          return { outcome, log, came: message, left: undefined }
        }
      }
    },
  }
}

function passageOf(came: Buffer, { code, deliveries, logged: log }: SlotRun): Passage {
  if (deliveries.length > (code === 0 ? 1 : 0)) {
    throw new Error(`exit ${code}, and ${deliveries.length} in the queue: ${log}`)
  }
  const left = deliveries[0]?.message
  if (code === 0) return { outcome: left ? 'passed' : 'dropped', log, came, left }
  return { outcome: code === 31 ? 'refused' : 'deferred', log, came, left }
}
