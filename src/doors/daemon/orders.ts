import { errorText } from '../../fault.ts'
import { log } from './log.ts'
import type { Order } from './workers.ts'

export interface Obedience {
  /** Reads the configuration again; may throw, and then what was goes on. */
  reload(): Promise<void>
  /** Logs what was counted. */
  report(): void
  stop(): Promise<void>
}

/**
 * Takes orders from now on, by signals and, where this is a worker, from the process
 * that started it and its end. They are carried out once it is said how: one that
 * comes while the engine starts must neither be lost nor kill it.
 */
export function takeOrders(): { obey(obedience: Obedience): void } {
  let obedience: Obedience | undefined
  const waiting: Order[] = []
  let stopping = false
  let reloaded = Promise.resolve() // one after the other

  function carryOut(order: Order, { reload, report, stop }: Obedience): void {
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

  function take(order: Order): void {
    if (obedience) carryOut(order, obedience)
    else waiting.push(order)
  }

  process.on('SIGHUP', () => take('reload'))
  process.on('SIGUSR1', () => take('report'))
  process.on('SIGTERM', () => take('stop'))
  process.on('SIGINT', () => take('stop'))
  process.on('message', (order) => {
    if (order === 'reload' || order === 'report' || order === 'stop') take(order)
  })
  process.on('disconnect', () => take('stop'))

  return {
    obey(how) {
      obedience = how
      for (const order of waiting.splice(0)) carryOut(order, how)
    },
  }
}
