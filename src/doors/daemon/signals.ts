import { errorText } from '../../ground/errors/fault.ts'
import { log } from './log.ts'
import type { WorkerOrder } from './workers/workers.ts'

/** Exit code of a temporary failure. */
const FAILED = 111

export interface SignalHandlers {
  /** Reads the configuration again; if it throws, the old one stays. */
  reload(): Promise<void>
  /** Logs what was counted. */
  report(): void
  stop(): Promise<void>
}

export interface Signals {
  handleWith(handlers: SignalHandlers): void
}

/**
 * Catches signals from now on. A worker also takes orders from the process that started it,
 * and ends at once when that has died. An order that comes while the engine starts must neither be lost
 * nor kill it, so orders wait until handlers are given.
 */
export function installSignalHandlers(): Signals {
  let handlers: SignalHandlers | undefined
  const waiting: WorkerOrder[] = []
  let stopping = false
  let reloaded = Promise.resolve() // one after the other

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
  // It was killed: what is in flight stays with the clients, as if this one had been killed, too.
  process.on('disconnect', () => process.exit(FAILED))

  return {
    handleWith(given) {
      handlers = given
      for (const order of waiting.splice(0)) carryOut(order, given)
    },
  }
}
