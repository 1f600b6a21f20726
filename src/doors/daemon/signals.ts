import { errorText } from '../../ground/errors/fault.ts'
import { serviceExit } from '../../ground/process/command-line.ts'
import { log } from './log.ts'
import type { WorkerOrder } from './workers/workers.ts'

interface SignalHandlers {
  /** Reads the configuration again. If this rejects, the old configuration stays. */
  reload(): Promise<void>
  /** Logs the counters. */
  report(): void
  stop(): Promise<void>
}

export interface Signals {
  handleWith(handlers: SignalHandlers): void
}

/**
 * Catches signals from now on. A worker also takes orders from the first process, and ends at once
 * when that has died. A signal that comes during the start must neither be lost nor kill the
 * process, so orders wait until handlers are given.
 */
export function installSignalHandlers(): Signals {
  let handlers: SignalHandlers | undefined
  const waiting: WorkerOrder[] = []
  let stopping = false
  let reloaded = Promise.resolve() // the last reload: the next one waits for it

  function carryOut(order: WorkerOrder, { reload, report, stop }: SignalHandlers): void {
    if (order === 'reload') {
      reloaded = reloaded.then(reload).catch((error) => {
        log(`${errorText(error)}; the old configuration stays`)
      })
    } else if (order === 'report') {
      report()
    } else if (!stopping) {
      stopping = true
      void stop()
    }
  }

  function take(order: WorkerOrder): void {
    if (handlers) carryOut(order, handlers)
    else waiting.push(order)
  }

  process.on('SIGHUP', () => take('reload'))
  process.on('SIGUSR1', () => take('report'))
  process.on('SIGTERM', () => take('stop'))
  process.on('SIGINT', () => take('stop'))
  process.on('message', (order) => {
    if (order === 'reload' || order === 'report' || order === 'stop') take(order)
  })
  // The first process was killed. Clients keep the mail in flight, as if this process had been
  // killed, too.
  process.on('disconnect', () => process.exit(serviceExit.temporary))

  return {
    handleWith(given) {
      handlers = given
      for (const order of waiting.splice(0)) carryOut(order, given)
    },
  }
}
