import { errorText } from '../../../ground/errors/fault.ts'
import type { Environment } from '../../../ground/settings/settings.ts'
import {
  readQuarantineLimits,
  readQuarantinePolicy,
} from '../../../quarantine/quarantine-policy.ts'
import { sweepQuarantine } from '../../../quarantine/sweep.ts'

const TEN_MINUTES = 10 * 60 * 1000

export interface QuarantineSweep {
  close(): void
}

/**
 * Removes messages that are over the limits of the quarantine, now and every ten minutes, until it
 * is closed. It runs in the process that judges no mail, so that no mail waits for it. It logs a
 * line if messages were removed, or if the quarantine could not be read.
 */
export function sweepQuarantines(
  env: Environment,
  log: (line: string) => void,
  every = TEN_MINUTES,
): QuarantineSweep {
  const quarantine = readQuarantinePolicy(env)
  if (quarantine?.kind !== 'directory') return { close() {} }
  const { directory } = quarantine
  const limits = readQuarantineLimits(env)
  const over = new AbortController()

  async function sweep(): Promise<void> {
    try {
      const swept = await sweepQuarantine(directory, limits, Date.now(), over.signal)
      const { removed, messages } = swept
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
