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
import type { TrialMark } from './trials/trial-mark.ts'
import { tryAll } from './trials/try-all.ts'

/** What the first process tells its own HTTP server, which shows health, metrics and the page. */
export interface StatusFeed {
  /** Takes a message of a worker if it is a report about mail. */
  take(worker: number, message: unknown): void
  workerEnded(worker: number, left: LeftBehind): void
  /** Says how to ask for the state of the workers. */
  watchWorkers(state: () => WorkersState): void
  /** Mail is taken from now on, through these doors; trials go through them, too. */
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
  readonly mark: TrialMark
}

/**
 * Opens the HTTP server of --http. Resolves when it has tried once to listen: it tries again by
 * itself.
 */
export async function openStatusFeed(
  options: DaemonOptions,
  { address, fd, mark }: StatusOptions,
  { configuration, amiss }: StatusSources,
): Promise<StatusFeed> {
  let doors: readonly PlacedDoor[] | undefined
  let isReady = false
  let workers = (): WorkersState => ({ replaced: 0, hung: 0, late: [] })
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
      tryAll() {
        if (doors === undefined) return undefined
        return tryAll({ configuration: configuration(), doors, options, mark })
      },
      scanPolicy: () => configuration().policy?.scan,
      spoolDirectory: configuration().policy?.spool.directory ?? '/tmp',
      memoryLimit: options.memory,
      workers: () => workers(),
    },
  })
  const { observer } = server
  return {
    take(worker, message) {
      if (isProcessReport(message)) observer.report(worker, message)
    },
    workerEnded: (worker, left) => observer.ended(worker, left),
    watchWorkers(state) {
      workers = state
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
