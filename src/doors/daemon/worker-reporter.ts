import { type DoorState, MailReporter, type ProcessReport } from '../observe/live/process-report.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { OpenDoor } from './open-doors.ts'

/** What a worker's reports are made of, as it is at the moment of the call. */
export interface ReportSources {
  readonly configuration: () => Configuration
  readonly doors: () => readonly OpenDoor[]
}

/** Reports to the first process once a second what this worker does with mail, for --http. */
export function createWorkerReporter(
  { configuration, doors }: ReportSources,
  send: (report: ProcessReport) => void,
): MailReporter {
  return new MailReporter({
    state() {
      const { quota, site } = configuration()
      return {
        doors: addUpDoors(doors()),
        servers: messagesAtServers(configuration()),
        sharing: site?.tools.verdicts?.sharing(),
        quota: quota?.counters as Record<string, number> | undefined,
      }
    },
    send,
    now: Date.now,
  })
}

/** The number of messages that are at each server of the configured scanners. */
function messagesAtServers({ site }: Configuration): ProcessReport['servers'] {
  const scanners = site?.tools.scanners ?? []
  return Object.assign({}, ...scanners.map((scanner) => scanner.underWay?.() ?? {}))
}

/** Adds up the states of the doors of each kind. */
function addUpDoors(
  doors: readonly { kind: string; state(): DoorState }[],
): ProcessReport['doors'] {
  const sum: Record<string, DoorState> = {}
  for (const door of doors) {
    const { clients, memory } = door.state()
    const before = sum[door.kind] ?? { clients: 0, memory: 0 }
    sum[door.kind] = { clients: before.clients + clients, memory: before.memory + memory }
  }
  return sum
}
