import { type Configuration, readConfiguration } from '../configuration/configuration.ts'
import { FIRST_HANDED_OVER } from '../lib/process/systemd.ts'
import { type DoorState, MailReporter, type ProcessReport } from '../observe/live/process-report.ts'
import { CrashRecord } from '../scan/verdicts/crash-record.ts'
import { HostMemory } from '../scan/verdicts/host-memory.ts'
import { log } from './daemon-log.ts'
import { describeDaemon, ownArgs } from './describe-daemon.ts'
import type { ProcessStart } from './first-process.ts'
import { type OpenDoor, openDoors } from './open-doors.ts'
import type { DoorKind } from './options/door-address.ts'
import { tryJudging } from './self-test/judge-test-mail.ts'
import { answerSelfTests, tryRunning } from './self-test/self-tests.ts'
import { doorName } from './self-test/try-door.ts'
import { HEARTBEAT_EVERY } from './workers/hung-workers.ts'
import { HEARTBEAT, MUST_ANSWER, type ServingNotice } from './workers/workers.ts'

/**
 * Runs a process that judges mail, on the sockets that the first process keeps. `kinds` states the purpose of
 * its first descriptors. The next one is the file of its CrashRecord. The process ends when the first
 * process asks it to, or has ended.
 */
export async function runWorker(
  kinds: readonly DoorKind[],
  { env, options, signals }: ProcessStart,
): Promise<void> {
  let doors: readonly OpenDoor[] = [] // a heartbeat or a report may be due before all of them are open
  const heartbeat = () =>
    send(doors.some((door) => door.unanswered() > 0) ? MUST_ANSWER : HEARTBEAT)
  setInterval(heartbeat, HEARTBEAT_EVERY).unref()
  const memory = new HostMemory({ crashRecord: new CrashRecord(FIRST_HANDED_OVER + kinds.length) })
  shareWithOthers(memory)
  const read = () => readConfiguration(env, log, memory)
  let configuration = await read()
  const state = () => ({ ...stateOf(configuration, doors), partsOmitted: memory.extracted.omitted })
  const reporter = options.http && new MailReporter({ state, send, now: Date.now })
  doors = await openDoors(configuration, options, kinds, {
    reporter,
    ownArgs: ownArgs(),
    async describe(wantsSelfTest) {
      const description = describeDaemon(configuration)
      if (!wantsSelfTest) return description
      const judge = () => tryJudging(configuration, options, true)
      const wrong = await tryRunning({ configuration, doors }, options.maxSize, judge)
      return { ...description, selfTest: { wrong, doors: doors.map(doorName) } }
    },
  })
  answerSelfTests(send, (wantsEicar) => tryJudging(configuration, options, wantsEicar))
  signals.handleWith({
    async reload() {
      const next = await read()
      for (const door of doors) door.configure(next)
      configuration.report()
      configuration.close()
      configuration = next
    },
    report: () => configuration.report(),
    async stop() {
      await Promise.all(doors.map((door) => door.close(options.grace)))
      reporter?.close()
      configuration.report()
      configuration.close()
      process.exit(0)
    },
  })
  reporter?.report() // the first process must know this worker before it shows lines of others
  send({ serving: doors.map(({ address }) => address) } satisfies ServingNotice)
}

/** Shares cached data with the other workers, through the first process. */
function shareWithOthers(memory: HostMemory): void {
  process.on('message', (message) => memory.receive(message))
  memory.connect(send)
}

/** Sends to the first process. Does nothing if that has ended. */
function send(message: object | string): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

/** Returns the report for the first process, once a second for --http, without mail. */
function stateOf({ quota, context }: Configuration, doors: readonly OpenDoor[]) {
  // The number of messages at each server of the scanners.
  const servers = (context?.tools.scanners ?? []).map((scanner) => scanner.underWay?.() ?? {})
  return {
    doors: addUpDoors(doors),
    servers: Object.assign({}, ...servers) as ProcessReport['servers'],
    sharing: context?.tools.verdicts?.sharing(),
    quota: quota?.counters,
  }
}

/** Adds up the states of the interfaces of each kind. */
function addUpDoors(doors: readonly OpenDoor[]): ProcessReport['doors'] {
  const sum: Record<string, DoorState> = {}
  for (const door of doors) {
    const { clients, memory } = door.state()
    const before = sum[door.kind] ?? { clients: 0, memory: 0 }
    sum[door.kind] = { clients: before.clients + clients, memory: before.memory + memory }
  }
  return sum
}
