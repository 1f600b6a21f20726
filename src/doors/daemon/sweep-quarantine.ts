import { readQuarantineLimits, readQuarantinePolicy } from '../../quarantine/quarantine-policy.ts'
import { sweepQuarantine } from '../../quarantine/sweep.ts'
import { errorText } from '../../runtime/fault.ts'
import type { Environment } from '../../settings/settings.ts'

const TEN_MINUTES = 10 * 60 * 1000

/**
 * Removes from the quarantine what is over its limits, now and every ten minutes, until it is
 * closed. In the process that judges no mail: none waits for it. `log` gets a line where something
 * was removed, and where it could not be looked at.
 */
export function sweepQuarantines(
  env: Environment,
  log: (line: string) => void,
  every = TEN_MINUTES,
): { close(): void } {
  const place = readQuarantinePolicy(env)
  if (place?.kind !== 'directory') return { close() {} }
  const { directory } = place
  const limits = readQuarantineLimits(env)
  const over = new AbortController()

  async function sweep(): Promise<void> {
    try {
      const { removed, messages } = await sweepQuarantine(
        directory,
        limits,
        Date.now(),
        over.signal,
      )
      if (removed > 0) log(`quarantine: ${removed} messages were over its limits, ${messages} stay`)
    } catch (error) {
      if (!over.signal.aborted) log(`quarantine: cannot be swept: ${errorText(error)}`)
    }
  }

  let sweeping = sweep()
  const timer = setInterval(() => {
    sweeping = sweeping.then(sweep)
  }, every).unref()
  return {
    close() {
      clearInterval(timer)
      over.abort()
    },
  }
}
