import { errorText } from '../../../ground/errors/fault.ts'
import { NOTHING_SCANS, readScanningPolicy, switchedOff } from '../../../scan/judge/policy.ts'
import type { ClamdState } from '../../observe/live/clamd-watch.ts'
import type { Trial } from '../../observe/live/process-report.ts'
import type { Configuration } from '../../shared/configuration.ts'
import type { PlacedDoor } from '../options/door-kind.ts'
import { spoolFaults } from './spool-faults.ts'
import { tryDoor } from './try-door.ts'
import type { WorkerTrials } from './worker-trials.ts'

/** What is tried, as it is at the moment. */
export interface TriedParts {
  readonly configuration: Configuration
  readonly doors: readonly PlacedDoor[]
  readonly clamds: readonly ClamdState[]
}

/** The trial in which EICAR was found last. */
interface FoundEicar {
  readonly configuration: Configuration
  /** The servers of clamd and their signatures. */
  readonly clamds: string
  /** When that was, in milliseconds since 1970. */
  readonly at: number
}

/** Tries whether mail is scanned. */
export class Trials {
  readonly #workers: Pick<WorkerTrials, 'ask'>
  readonly #maxSize: number
  #eicar: FoundEicar | undefined

  /** `maxSize` is that of a message, in bytes. */
  constructor(workers: Pick<WorkerTrials, 'ask'>, maxSize: number) {
    this.#workers = workers
    this.#maxSize = maxSize
  }

  /**
   * Has a worker judge a clean message, connects to each open door, looks for room for messages, and
   * reads the settings again, as the next start would. EICAR is judged, too, until it is found, and
   * once more when settings were read or the answer of a clamd has changed: a scanner logs each
   * virus, and may call VirusEvent, clamd.conf(5). Never rejects.
   */
  async make({ configuration, doors, clamds }: TriedParts): Promise<Trial> {
    const { env, directories, site } = configuration
    const off = switchedOff(directories)
    const nothing = off ?? (site === undefined ? NOTHING_SCANS : undefined)
    if (nothing !== undefined || site === undefined) {
      return { right: false, why: `nothing is scanned: ${nothing}`, at: Date.now(), doors: [] }
    }
    const [judged, ...tried] = await Promise.all([
      this.#judge(configuration, clamds),
      ...doors.map(tryDoor),
    ])
    const faults = [
      judged,
      ...tried,
      ...spoolFaults(site.policy.spool, this.#maxSize),
      settingsFault(env),
    ]
    const why = faults.filter((fault) => fault !== undefined).join('; ')
    return {
      right: why === '',
      why: why || `a clean message is clean, EICAR was found at ${timeOf(this.#eicar?.at)}`,
      at: Date.now(),
      doors: doors.map(({ kind, address }, index) => {
        return { kind, address, right: tried[index] === undefined }
      }),
    }
  }

  /** Resolves with what is wrong with the judgement, or undefined. */
  async #judge(
    configuration: Configuration,
    states: readonly ClamdState[],
  ): Promise<string | undefined> {
    const clamds = JSON.stringify(states.map(({ server, text }) => [server, text]))
    const before = this.#eicar
    const isFound = before?.configuration === configuration && before.clamds === clamds
    const fault = await this.#workers.ask(!isFound)
    if (fault !== undefined) this.#eicar = undefined
    else if (!isFound) this.#eicar = { configuration, clamds, at: Date.now() }
    return fault
  }
}

const timeOf = (at = 0) => `${new Date(at).toISOString().slice(0, 19)}Z`

/**
 * Reads the settings and the files that they name. Without a keyring, for example, the cold program
 * defers all mail although this process still has what it read before.
 */
function settingsFault(env: Configuration['env']): string | undefined {
  try {
    readScanningPolicy(env)
    return undefined
  } catch (error) {
    return `${errorText(error)}; running processes have what was read before`
  }
}
