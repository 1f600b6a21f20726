import { standardError } from '../../base/log/log-queue.ts'
import { FIRST_HANDED_OVER } from '../../base/systemd/sd-daemon.ts'
import { type Configuration, readConfiguration } from '../configuration/configuration.ts'
import { openDaemonLog } from '../log/log-sink.ts'
import { type DoorState, MailReporter, type ProcessReport } from '../observe/live/process-report.ts'
import type { DoorKind } from '../options/door-address.ts'
import { doorName } from '../options/door-address.ts'
import { CrashRecord } from '../scan/crash-guard/crash-record.ts'
import { HostMemory } from '../scan/verdicts/host-memory.ts'
import { log } from './daemon-log.ts'
import { describeDaemon, ownArgs } from './describe-daemon.ts'
import type { ProcessStart } from './first-process.ts'
import { type OpenDoor, openDoors } from './open-doors.ts'
import type { SelfTestQuestion, SelfTestResult } from './self-test/self-tests.ts'
import { tryRunning } from './self-test/try-running.ts'
import type { Signals } from './signals.ts'
import { HEARTBEAT_EVERY } from './workers/hung-workers.ts'
import { receiveFromFirstProcess, sendToFirstProcess } from './workers/worker-messages.ts'

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
  sendHeartbeats(() => doors.some((door) => door.unanswered() > 0))
  const memory = new HostMemory({
    scanning: options.workers === 1 ? 'alone' : 'shared',
    crashRecord: new CrashRecord(FIRST_HANDED_OVER + kinds.length),
  })
  const selfTest = (wantsEicar: boolean) =>
    tryRunning({ configuration, doors }, options, wantsEicar)
  connectToFirstProcess(signals, memory, selfTest)
  const read = () => readConfiguration(env, log, memory)
  let configuration = await read()
  const mailLog = openDaemonLog(configuration.env.LOGFILE)
  const state = () => ({
    ...stateOf(configuration, doors),
    log: mailLog.state,
  })
  const send = (report: ProcessReport) => sendToFirstProcess({ kind: 'report', report })
  const reporter = options.http && new MailReporter({ state, send, now: Date.now })
  doors = await openDoors(configuration, options, kinds, {
    reporter,
    mailSink: mailLog,
    ownArgs: ownArgs(),
    async describe(wantsSelfTest) {
      const description = describeDaemon(configuration)
      if (!wantsSelfTest) return description
      const { wrong } = await selfTest(true)
      return { ...description, selfTest: { wrong, doors: doors.map(doorName) } }
    },
  })
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
      await Promise.all([mailLog.flush(), standardError.flush()])
      process.exit(0)
    },
  })
  reporter?.report() // the first process must know this worker before it shows lines of others
  sendToFirstProcess({ kind: 'serving', addresses: doors.map(({ address }) => address) })
}

/** Sends a heartbeat each second. `mustAnswer` returns whether clients of this worker must be answered. */
function sendHeartbeats(mustAnswer: () => boolean): void {
  const send = () => sendToFirstProcess({ kind: 'heartbeat', mustAnswer: mustAnswer() })
  setInterval(send, HEARTBEAT_EVERY).unref()
}

/**
 * Obeys the first process, shares cached data with the other workers through it, and answers its self-tests.
 */
function connectToFirstProcess(
  signals: Signals,
  memory: HostMemory,
  selfTest: (wantsEicar: boolean) => Promise<SelfTestResult>,
): void {
  const answerSelfTest = async ({ id, wantsEicar }: SelfTestQuestion) => {
    const result = await selfTest(wantsEicar)
    sendToFirstProcess({ kind: 'self-test', answer: { id, ...result } })
  }
  receiveFromFirstProcess((message) => {
    switch (message.kind) {
      case 'order':
        signals.obey(message.order)
        break
      case 'events':
        memory.receive(message.events)
        break
      case 'self-test':
        void answerSelfTest(message.question)
    }
  })
  memory.connect((events) => sendToFirstProcess({ kind: 'events', events }))
}

/** Returns the report for the first process, once a second for --http, without mail. */
function stateOf({ quota, context }: Configuration, doors: readonly OpenDoor[]) {
  // The number of messages at each server of the scanners.
  const servers = (context?.tools.scanners ?? []).map(
    (scanner) => scanner.servers?.underWay() ?? {},
  )
  return {
    doors: addUpDoors(doors),
    servers: Object.assign({}, ...servers) as ProcessReport['servers'],
    sharing: context?.tools.verdicts?.sharing(),
    quota: quota?.counters,
  }
}

/** Adds up the states of the doors of each kind. */
function addUpDoors(doors: readonly OpenDoor[]): ProcessReport['doors'] {
  const sum: Record<string, DoorState> = {}
  for (const door of doors) {
    const { clients, memory } = door.state()
    const before = sum[door.kind] ?? { clients: 0, memory: 0 }
    sum[door.kind] = { clients: before.clients + clients, memory: before.memory + memory }
  }
  return sum
}
