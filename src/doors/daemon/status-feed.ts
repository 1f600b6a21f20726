import { hostname } from 'node:os'
import packageJson from '../../../package.json' with { type: 'json' }
import { errorText } from '../../ground/errors/fault.ts'
import {
  isProcessReport,
  type LeftBehind,
  type WorkersState,
} from '../../observe/live/process-report.ts'
import type { Configuration } from '../shared/configuration.ts'
import { describeDoor } from './describe-door.ts'
import { pageListener } from './listening/page-socket.ts'
import { log } from './log.ts'
import type { DoorAddress } from './options/door-address.ts'
import type { PlacedDoor } from './options/door-kind.ts'
import type { DaemonOptions } from './options/options.ts'
import { Trials } from './trials/try-all.ts'
import { WorkerTrials } from './trials/worker-trials.ts'
import type { Workers } from './workers/workers.ts'

/** What the first process tells its own HTTP server, which shows health, metrics and the page. */
export interface StatusFeed {
  /** Takes a message of a worker: a report about mail, or the answer to a trial. */
  take(worker: number, message: unknown): void
  workerEnded(worker: number, left: LeftBehind): void
  /** Says how to ask the workers, and for their state. */
  watchWorkers(workers: Pick<Workers, 'state' | 'askNext'>): void
  /** Mail is taken from now on, through these doors. */
  serving(doors: readonly PlacedDoor[]): void
  /** No more mail is taken from now on. */
  stopping(): void
  close(): void
}

/**
 * What the HTTP server shows besides the reports of workers, as it is at the moment of the call.
 */
export interface StatusSources {
  readonly configuration: () => Configuration
  /** What is wrong with servers that scan, a line each. */
  readonly amiss: () => readonly string[]
}

export interface StatusOptions {
  /** The address of --http. */
  readonly address: DoorAddress
  /** The descriptor of the socket if systemd has bound it. */
  readonly fd: number | undefined
}

/**
 * Opens the HTTP server of --http. Resolves when it has tried once to listen: it tries again by
 * itself.
 */
export async function openStatusFeed(
  options: DaemonOptions,
  { address, fd }: StatusOptions,
  { configuration, amiss }: StatusSources,
): Promise<StatusFeed> {
  let doors: readonly PlacedDoor[] | undefined
  let isReady = false
  let workers: Parameters<StatusFeed['watchWorkers']>[0] | undefined
  const noWorkers: WorkersState = { replaced: 0, hung: 0, late: [] }
  const workerTrials = new WorkerTrials((question) => workers?.askNext(question))
  const trials = new Trials(workerTrials, options.maxSize)
  const { openStatusServer } = await import('../http/status-server.ts') // needed by --http alone
  const server = await openStatusServer({
    address: address.kind === 'tcp' ? address.host : undefined,
    tokenFile: options.httpToken,
    hideAddresses: options.httpHidesAddresses,
    listen: pageListener(address, options, fd),
    isReady: () => isReady,
    about: () => ({
      host: hostname(),
      version: packageJson.version,
      does: (doors ?? []).map((door) => describeDoor(door, configuration())),
    }),
    amiss,
    log,
    observed: {
      version: packageJson.version,
      started: Date.now(),
      now: Date.now,
      uptime: () => performance.now(),
      tryAll(clamds) {
        if (doors === undefined) return undefined
        return trials.make({ configuration: configuration(), doors, clamds })
      },
      scanPolicy: () => configuration().policy?.scan,
      spoolDirectory: configuration().policy?.spool.directory ?? '/tmp',
      memoryLimit: options.memory,
      workers: () => workers?.state() ?? noWorkers,
    },
  })
  const { observer } = server
  return {
    take(worker, message) {
      if (isProcessReport(message)) observer.report(worker, message)
      else workerTrials.take(message)
    },
    workerEnded(worker, left) {
      workerTrials.ended(worker)
      observer.ended(worker, left)
    },
    watchWorkers(started) {
      workers = started
    },
    serving(open) {
      isReady = true
      doors = open
      observer.tryNow()
    },
    stopping() {
      isReady = false
    },
    close() {
      try {
        server.close()
      } catch (error) {
        log(`http: ${errorText(error)}`) // the daemon ends all the same
      }
    },
  }
}
