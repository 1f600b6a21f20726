import { errorText } from '../../base/errors/fault.ts'
import { serviceExit } from '../../base/process/command-line.ts'
import { log } from './daemon-log.ts'
import type { WorkerOrder } from './workers/worker-messages.ts'

interface SignalHandlers {
  /** Reads the configuration again. If this rejects, the old configuration remains in use. */
  reload(): Promise<void>
  /** Logs the counters. */
  report(): void
  stop(): Promise<void>
}

/**
 * The signals that this process receives from now on. A worker also receives orders from the first process,
 * and ends when that has died. A signal that arrives during the start must neither be lost nor kill the
 * process, so orders wait until handlers are set.
 */
export class Signals {
  #handlers: SignalHandlers | undefined
  readonly #waiting: WorkerOrder[] = []
  #isStopping = false
  #reloaded = Promise.resolve() // the last reload: the next one waits for it

  constructor() {
    process.on('SIGHUP', () => this.obey('reload'))
    process.on('SIGUSR1', () => this.obey('report'))
    process.on('SIGTERM', () => this.obey('stop'))
    process.on('SIGINT', () => this.obey('stop'))
    // The first process was killed. Clients keep the mail in flight, as if this process had been
    // killed, too.
    process.on('disconnect', () => process.exit(serviceExit.temporary))
  }

  handleWith(handlers: SignalHandlers): void {
    this.#handlers = handlers
    for (const order of this.#waiting.splice(0)) this.obey(order)
  }

  /** Obeys an order as the signal of the same name. */
  obey(order: WorkerOrder): void {
    const handlers = this.#handlers
    if (handlers === undefined) {
      this.#waiting.push(order)
    } else if (order === 'reload') {
      this.#reloaded = this.#reloaded.then(handlers.reload).catch((error) => {
        log(`the old configuration remains in use: ${errorText(error)}`)
      })
    } else if (order === 'report') {
      handlers.report()
    } else if (!this.#isStopping) {
      this.#isStopping = true
      void handlers.stop()
    }
  }
}
