import { errorText } from '../../fault.ts'
import { log } from './log.ts'
import type { Order } from './workers.ts'

export interface Obedience {
  /** Reads the configuration again; may throw, and then what was goes on. */
  reload(): Promise<void>
  stop(): Promise<void>
}

/** Obeys signals, and where this is a worker, the process that started it and its end. */
export function whenTold({ reload, stop }: Obedience): void {
  let stopping = false
  let reloaded = Promise.resolve() // one after the other

  const orders: Record<Order, () => void> = {
    reload() {
      reloaded = reloaded.then(reload).catch((error) => {
        log(`${errorText(error)}; the old configuration stays`)
      })
    },
    stop() {
      if (!stopping) void stop()
      stopping = true
    },
  }

  process.on('SIGHUP', orders.reload)
  process.on('SIGTERM', orders.stop)
  process.on('SIGINT', orders.stop)
  process.on('message', (order: Order) => orders[order]?.())
  process.on('disconnect', orders.stop)
}
