import { hostname } from 'node:os'
import packageJson from '../../../package.json' with { type: 'json' }
import { inOneLine } from '../../base/check/check-line.ts'
import { errorText } from '../../base/errors/fault.ts'
import { readUptime } from '../../base/flow/uptime.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { ObserverOptions } from '../observe/live/observer.ts'
import type { ProcessReport, WorkersState } from '../observe/live/process-report.ts'
import type { DaemonOptions } from '../options/daemon-options.ts'
import type { ListeningDoor } from '../options/door-address.ts'
import type { ClamdWatch } from '../readiness/clamd/clamd-watch.ts'
import { log } from './daemon-log.ts'
import { describeDoor } from './describe-door.ts'
import type { StatusServer } from './http/status-server.ts'
import { pageListener } from './listening/page-socket.ts'
import { type SelfTestAnswer, SelfTests } from './self-test/self-tests.ts'
import type { Workers } from './workers/workers.ts'

/**
 * The data that the first process passes to its own HTTP server, which shows health, metrics and the page.
 * Without --http there is no server, and nothing is shown.
 */
export class StatusFeed {
  readonly #options: DaemonOptions
  readonly #configuration: () => Configuration
  readonly #clamds: ClamdWatch
  readonly #selfTests: SelfTests
  #server: StatusServer | undefined
  #workers: Workers | undefined
  #doors: readonly ListeningDoor[] | undefined
  #isReady = false

  /** `configuration` is that of the moment of the call. */
  constructor(options: DaemonOptions, configuration: () => Configuration, clamds: ClamdWatch) {
    this.#options = options
    this.#configuration = configuration
    this.#clamds = clamds
    this.#selfTests = new SelfTests((question) => this.#workers?.askNext(question))
  }

  /**
   * Opens the HTTP server of --http, on the descriptor of its socket if systemd has bound that. Resolves when
   * it has tried once to listen: it then retries.
   */
  async open(fd: number | undefined): Promise<void> {
    const { http: address } = this.#options
    if (address === undefined) return
    const http = await import('./http/status-server.ts') // needed by --http alone
    this.#server = new http.StatusServer({
      address: address.kind === 'tcp' ? address.host : undefined,
      tokenFile: this.#options.httpToken,
      quarantine: this.#options.httpQuarantine,
      hidesAddresses: this.#options.httpHidesAddresses,
      listen: pageListener(address, this.#options, fd),
      isReady: () => this.#isReady,
      about: () => ({
        host: hostname(),
        version: packageJson.version,
        does: this.#describeDoors(),
      }),
      amiss: () => this.#clamds.complaints.map(inOneLine),
      log,
      observed: this.#observed(),
    })
    await this.#server.open()
  }

  /** Describes the doors by what was last seen, and looks again for the next request. */
  #describeDoors(): string[] {
    const configuration = this.#configuration()
    void configuration.off.poll()
    void configuration.context?.tools.lookForSignatures?.()
    return (this.#doors ?? []).map((door) => describeDoor(door, configuration))
  }

  /** Shows a worker's report about mail. */
  workerReported(worker: number, report: ProcessReport): void {
    this.#server?.observer.report(worker, report)
  }

  /** Takes a worker's answer about a self-test. */
  selfTestAnswered(answer: SelfTestAnswer): void {
    this.#selfTests.answered(answer)
  }

  workerEnded(worker: number, inProgress: number): void {
    this.#selfTests.ended(worker)
    this.#server?.observer.ended(worker, inProgress)
  }

  /** Sets the workers whose state is shown and which run self-tests. */
  watchWorkers(started: Workers): void {
    this.#workers = started
  }

  /** Reads the tokens of persons and pages again. */
  reload(): void {
    this.#server?.reload()
  }

  /** Notes that mail is accepted from now on, through these doors. */
  serving(open: readonly ListeningDoor[]): void {
    this.#isReady = true
    this.#doors = open
    this.#server?.observer.tryNow()
  }

  /** No more mail is taken from now on. */
  stopping(): void {
    this.#isReady = false
  }

  close(): void {
    try {
      this.#server?.close()
    } catch (error) {
      log(`http: ${errorText(error)}`) // the daemon continues to end
    }
  }

  #observed(): ObserverOptions {
    const noWorkers: WorkersState = { replaced: 0, hung: 0, late: [] }
    return {
      version: packageJson.version,
      started: Date.now(),
      now: Date.now,
      uptime: readUptime,
      tryAll: () => {
        const doors = this.#doors
        if (doors === undefined) return undefined
        return this.#selfTests.make(
          { configuration: this.#configuration(), doors },
          this.#clamds.states,
        )
      },
      clamds: () => this.#clamds.states,
      spoolDirectory: this.#configuration().context?.config.spool.directory ?? '/tmp',
      memoryLimit: this.#options.memory,
      workers: () => this.#workers?.state() ?? noWorkers,
    }
  }
}
