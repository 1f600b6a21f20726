import { errorText } from '../../../ground/errors/fault.ts'
import { type ClamdAddress, clamdAddressesOf } from '../../../scan/scanners/clamd/address.ts'
import { askClamd } from '../../../scan/scanners/clamd/sessions.ts'
import type { ScanSettings } from '../../../scan/scanners/shared/scan-settings.ts'

/** Milliseconds between two questions, and for the answer to one. */
const EVERY = 15_000
const PATIENCE = 5_000

/** The state of a clamd server. */
export interface ClamdState {
  /** The server as CLAMD names it. */
  readonly server: string
  readonly up: boolean
  /** The answer to VERSION, or why there is none. */
  readonly text: string
  /** The version of its daily signatures. */
  readonly version: number | undefined
  /** When the signatures were made, in milliseconds since 1970. */
  readonly made: number | undefined
}

/** Asks each server of the plugin clamd every 15 seconds whether it answers and how old its signatures are. */
export class ClamdWatch {
  readonly #settings: () => ScanSettings | undefined
  readonly #changed: () => void
  readonly #stopped = new AbortController()
  readonly #timer = setInterval(() => void this.#askAll(), EVERY).unref()
  #states: readonly ClamdState[] = []

  /** Calls `changed` after each round. */
  constructor(settings: () => ScanSettings | undefined, changed: () => void) {
    this.#settings = settings
    this.#changed = changed
    void this.#askAll()
  }

  get states(): readonly ClamdState[] {
    return this.#states
  }

  close(): void {
    clearInterval(this.#timer)
    this.#stopped.abort()
  }

  async #askAll(): Promise<void> {
    const { signal } = this.#stopped
    this.#states = await Promise.all(
      clamdAddressesOf(this.#settings()).map((server) => ask(server, signal)),
    )
    if (!signal.aborted) this.#changed()
  }
}

async function ask(server: ClamdAddress, stopped: AbortSignal): Promise<ClamdState> {
  const down = (text: string) => {
    return { server: server.text, up: false, text, version: undefined, made: undefined }
  }
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(PATIENCE)])
    const outcome = await askClamd(server, 'VERSION', signal)
    if (outcome.kind !== 'answered') return down(outcome.kind)
    return {
      server: server.text,
      up: true,
      text: outcome.answer.slice(0, 100),
      ...signatures(outcome.answer),
    }
  } catch (error) {
    return down(errorText(error))
  }
}

/**
 * Reads the answer to VERSION, clamd(8): `ClamAV 1.4.6/27800/Thu Nov 19 09:26:40 2026`. The values
 * are undefined if clamd has no daily database.
 */
export function signatures(answer: string): Pick<ClamdState, 'version' | 'made'> {
  const [, version, date] = /^ClamAV [^/]*\/(\d+)\/(.+)$/.exec(answer) ?? []
  const made = Date.parse(date ?? '')
  return {
    version: version === undefined ? undefined : Number(version),
    made: Number.isNaN(made) ? undefined : made,
  }
}
