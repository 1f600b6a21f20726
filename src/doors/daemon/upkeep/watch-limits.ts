import { errorText } from '../../../ground/errors/fault.ts'
import { clamdAddressesOf } from '../../../scan/scanners/clamd/address.ts'
import { tellsOfLimits } from '../../../scan/scanners/clamd/probe-limits.ts'
import type { ScanSettings } from '../../../scan/scanners/shared/scan-settings.ts'
import { again } from './again.ts'

/** Milliseconds between two questions: clamd may be restarted with other settings. */
const EVERY = 60_000
/** Milliseconds for an answer. */
const PATIENCE = 30_000

export interface LimitsWatch {
  /** Resolves when all servers have been asked once. */
  readonly asked: Promise<void>
  /** A line for each server that does not report such mail. */
  amiss(): string[]
  close(): void
}

/**
 * Asks the servers of the plugin clamd, now and every minute, whether they report mail that they
 * did not scan to the end (AlertExceedsMax). It logs a line when a server does not, and when that
 * has changed. It says nothing of a server that cannot be reached, since scans report that.
 */
export function watchLimits(
  scan: ScanSettings | undefined,
  log: (line: string) => void,
  every = EVERY,
): LimitsWatch {
  const servers = clamdAddressesOf(scan)
  const silent = new Set<string>()
  async function askAll(stopped: AbortSignal): Promise<void> {
    for (const server of servers) {
      const signal = AbortSignal.any([stopped, AbortSignal.timeout(PATIENCE)])
      const { tells } = await tellsOfLimits(server, signal)
      const { text } = server
      if (tells === 'no' && !silent.has(text)) {
        silent.add(text)
        log(`clamd ${text}: ${OFF}`)
      } else if (tells === 'yes' && silent.delete(text)) log(`clamd ${text}: AlertExceedsMax is on`)
    }
  }

  const asking = again(every, (stopped) =>
    askAll(stopped).catch((error) => log(`clamd: ${errorText(error)}`)),
  )
  return {
    asked: asking.once,
    amiss: () => [...silent].map((text) => `clamd ${text}: ${OFF}`),
    close: asking.close,
  }
}

const OFF =
  'AlertExceedsMax is off: it calls mail clean that it did not scan to the end; set "AlertExceedsMax yes" in clamd.conf'
