import type { Environment } from '../../../ground/settings/settings.ts'
import { readSpoolPolicy } from '../../../message/spool-policy.ts'
import { sweepSpool } from '../../../message/sweep.ts'

const HOURLY = 60 * 60 * 1000

/**
 * Removes files that killed processes left in the directories for messages, now and every hour,
 * until it is closed.
 */
export function sweepSpools(env: Environment, every = HOURLY): { close(): void } {
  const over = new AbortController()
  let sweeping = Promise.resolve()
  const start = () => {
    sweeping = sweeping.then(() => sweepSpool(readSpoolPolicy(env), Date.now(), over.signal))
  }
  start()
  const timer = setInterval(start, every).unref()
  return {
    close() {
      clearInterval(timer)
      over.abort()
    },
  }
}
