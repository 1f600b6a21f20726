import { errorText } from '../../../ground/errors/fault.ts'
import { tellsOfLimits } from '../../../scan/clamd/probe-limits.ts'
import { clamdServersOf } from '../../../scan/clamd/servers.ts'
import type { ScanPolicy } from '../../../scan/shared/scan-policy.ts'

/** Milliseconds between two questions: a clamd may be started anew with other settings. */
const EVERY = 60_000
/** Milliseconds for one. */
const PATIENCE = 30_000

export interface LimitsWatch {
  /** Resolves when all have been asked once. */
  readonly asked: Promise<void>
  /** The servers that do not, as their lines in the log say it. */
  amiss(): string[]
  close(): void
}

/**
 * Asks the servers of the plugin clamd, now and then, whether they report mail that they do not
 * look at to the end (AlertExceedsMax). Logs if one does not, and if that has changed. Scans
 * report a server that cannot be reached.
 */
export function watchLimits(
  scan: ScanPolicy | undefined,
  log: (line: string) => void,
  every = EVERY,
): LimitsWatch {
  const servers = clamdServersOf(scan)
  const over = new AbortController()
  const silent = new Set<string>()

  async function askAll(): Promise<void> {
    for (const server of servers) {
      const signal = AbortSignal.any([over.signal, AbortSignal.timeout(PATIENCE)])
      const { tells } = await tellsOfLimits(server, signal)
      const { text } = server
      if (tells === 'no' && !silent.has(text)) {
        silent.add(text)
        log(`clamd ${text}: ${OFF}`)
      } else if (tells === 'yes' && silent.delete(text)) log(`clamd ${text}: AlertExceedsMax is on`)
    }
  }

  const ask = () => askAll().catch((error) => log(`clamd: ${errorText(error)}`))
  const asked = ask()
  let asking = asked
  const timer = setInterval(() => {
    asking = asking.then(ask)
  }, every)
  timer.unref()
  if (servers.length === 0) clearInterval(timer)
  return {
    asked,
    amiss: () => [...silent].map((text) => `clamd ${text}: ${OFF}`),
    close() {
      clearInterval(timer)
      over.abort()
    },
  }
}

const OFF =
  'AlertExceedsMax is off: it calls mail clean that it did not look at to the end; set "AlertExceedsMax yes" in clamd.conf'
