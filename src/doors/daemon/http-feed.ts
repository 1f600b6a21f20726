import { hostname } from 'node:os'
import about from '../../../package.json' with { type: 'json' }
import { errorText } from '../../ground/errors/fault.ts'
import { openHistoryFile } from '../../observe/live/history-file.ts'
import {
  addUpDoors,
  createMailReporter,
  type MailReporter,
} from '../../observe/live/mail-reporter.ts'
import {
  isProcessReport,
  type LeftBehind,
  type ProcessReport,
  type WorkersState,
} from '../../observe/live/process-report.ts'
import type { StateFile } from '../../observe/live/state-file.ts'
import type { SweepResult } from '../../quarantine/sweep.ts'
import type { StatusServer } from '../http/status-server.ts'
import type { Configuration } from '../shared/configuration.ts'
import { describeDoor } from './describe-door.ts'
import { pageListener } from './listening/page-socket.ts'
import { log } from './log.ts'
import type { OpenDoor } from './open-doors.ts'
import type { DoorAddress } from './options/door-address.ts'
import type { PlacedDoor } from './options/door-kind.ts'
import type { DaemonOptions } from './options/options.ts'
import type { TrialMark } from './trials/trial-mark.ts'
import { tryAll } from './trials/try-all.ts'

/** Collects what all processes do with mail, for --http. */
export interface HttpFeed {
  /** Of a process that judges mail. */
  readonly reporter: MailReporter | undefined
  /** Tells the first process that this one judges mail: others' lines wait for its own. */
  begin(): void
  /** Takes the words of another process, if they are about mail. */
  heard(process: number, message: unknown): void
  /** A worker has ended. */
  ended(process: number, left: LeftBehind): void
  /** Opens the place, in the first process; resolves when that was tried once. */
  open(): Promise<void>
  /** Mail is taken from now on, or not any more. */
  ready(isReady: boolean): void
  /** How the workers are, in the first process. */
  workers(state: () => WorkersState): void
  /** Through which doors mail is tried from now on. */
  doors(open: readonly PlacedDoor[]): void
  close(): void
}

/** What can change while the daemon runs. */
export interface HttpFeedSources {
  readonly configuration: () => Configuration
  /** Of a process that judges mail. */
  readonly doors?: () => readonly OpenDoor[]
  /** Takes how many lines about mail were logged, of a process that judges mail. */
  readonly note?: (lines: number) => void
  /** What the last sweep left in quarantine, in the first process. */
  readonly swept?: () => SweepResult | undefined
  /** What is amiss with servers that scan. */
  readonly amiss?: () => readonly string[]
  /** What tells trials from mail. */
  readonly mark: () => TrialMark
  /** Of the socket that it is shown at, in the first process, if systemd made that. */
  readonly fd?: number | undefined
}

/** Messages at each server of the scanners that are configured. */
function serversOf({ policy, scannersFor }: Configuration): ProcessReport['servers'] {
  const scanners = policy === undefined ? [] : scannersFor(policy.scan.line)
  return Object.assign({}, ...scanners.map((scanner) => scanner.underWay?.() ?? {}))
}

export function createHttpFeed(
  place: DoorAddress,
  options: DaemonOptions,
  {
    configuration,
    doors,
    mark,
    note = () => {},
    fd,
    amiss = () => [],
    swept = () => undefined,
  }: HttpFeedSources,
): HttpFeed {
  let tried: readonly PlacedDoor[] | undefined
  let http: StatusServer | undefined
  let kept: StateFile | undefined
  let isReady = false
  let workers = (): WorkersState => ({ replaced: 0, held: 0, late: [] })
  const send = (report: ProcessReport) => {
    if (process.connected) process.send?.(report, undefined, undefined, () => {})
  }
  const reporter =
    doors &&
    createMailReporter({
      state: () => ({
        doors: addUpDoors(doors()),
        servers: serversOf(configuration()),
        sharing: configuration().tools.verdicts?.sharing(),
        poisoned: configuration().tools.verdicts?.poisoned(),
        quota: configuration().quota?.counters as Record<string, number> | undefined,
      }),
      send,
      note,
      isTrial: (text) => mark().has(text),
      now: Date.now,
    })
  return {
    reporter,
    begin: () => reporter?.report(),
    heard(worker, message) {
      if (isProcessReport(message)) http?.observer.report(worker, message)
    },
    ended: (worker, left) => http?.observer.ended(worker, left),
    async open() {
      const { openStatusServer } = await import('../http/status-server.ts')
      http = await openStatusServer({
        address: place.kind === 'tcp' ? place.host : undefined,
        tokenFile: options.httpToken,
        hideAddresses: options.httpHidesAddresses,
        listen: pageListener(place, options, fd),
        quarantine: () => configuration().policy?.quarantine,
        swept,
        isReady: () => isReady,
        about: () => ({
          host: hostname(),
          version: about.version,
          does: (tried ?? []).map((door) => describeDoor(door, configuration())),
        }),
        amiss,
        log,
        observed: {
          version: about.version,
          started: Date.now(),
          now: Date.now,
          uptime: () => performance.now(),
          tryAll() {
            if (tried === undefined) return undefined
            return tryAll({
              configuration: configuration(),
              doors: tried,
              options,
              mark: mark(),
            })
          },
          scanPolicy: () => configuration().policy?.scan,
          spoolDirectory: configuration().policy?.spool.directory ?? '/tmp',
          memoryLimit: options.memory,
          workers: () => workers(),
        },
      })
      const { state } = options
      if (state !== undefined) {
        kept = openHistoryFile(http.observer.history, state, { now: Date.now, log })
      }
    },
    ready(is) {
      isReady = is
    },
    workers(state) {
      workers = state
    },
    doors(open) {
      tried = open
      http?.observer.tryNow()
    },
    close() {
      try {
        reporter?.close()
        kept?.close()
        http?.close()
      } catch (error) {
        log(`http: ${errorText(error)}`) // the daemon ends all the same
      }
    },
  }
}
