import { type Finding, inOneLine, settingsFault } from '../../../ground/errors/finding.ts'
import type { ClamdState, Trial } from '../../observe/live/process-report.ts'
import { roomFaults } from '../../readiness/places.ts'
import { nothingScans, unreadableSettings } from '../../readiness/settings.ts'
import type { Configuration } from '../../shared/configuration.ts'
import type { PlacedDoor } from '../options/door.ts'
import { nameOf, tryDoor } from './try-door.ts'
import type { WorkerTrials } from './worker-trials.ts'

/** An onescand that runs. */
interface TriedDaemon {
  readonly configuration: Configuration
  readonly doors: readonly PlacedDoor[]
}

/**
 * Tries an onescand that runs: its judgement, by `judge`, which has one of its processes judge messages;
 * each open door; the room for messages of `maxSize` bytes; and the settings, which are read again, as the
 * next start would. Resolves with what is wrong.
 */
export async function tryRunning(
  { configuration, doors }: TriedDaemon,
  maxSize: number,
  judge: () => Promise<readonly Finding[]>,
): Promise<Finding[]> {
  const nothing = nothingScans(configuration)
  const [judged, ...tried] = await Promise.all([
    nothing === undefined ? judge() : [nothing],
    ...doors.map(tryDoor),
  ])
  const wrong = [...judged, ...tried.filter((finding) => finding !== undefined)]
  if (nothing !== undefined) return wrong
  return [
    ...wrong,
    ...roomFaults(configuration.messageOptions.policy, maxSize),
    // Without a keyring, for example, the cold program defers all mail although this process goes on.
    ...unreadableSettings(configuration.env).map((line) => {
      const finding = settingsFault(line)
      return { ...finding, value: `${finding.value}; running processes have what was read before` }
    }),
  ]
}

/** The trial in which EICAR was found last. */
interface FoundEicar {
  readonly configuration: Configuration
  /** The servers of clamd and their signatures. */
  readonly clamds: string
  /** When that was, in milliseconds since 1970. */
  readonly at: number
}

/** The trials of the first process, by which it tells of its health. */
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
   * Has a worker judge a clean message, and tries all else. EICAR is judged, too, until it is found, and
   * once more when settings were read or the answer of a clamd has changed: a scanner logs each virus, and
   * may call VirusEvent, clamd.conf(5). Never rejects.
   */
  async make(running: TriedDaemon, clamds: readonly ClamdState[]): Promise<Trial> {
    const judge = () => this.#judge(running.configuration, clamds)
    const wrong = await tryRunning(running, this.#maxSize, judge)
    return {
      right: wrong.length === 0,
      why:
        wrong.map(inOneLine).join('; ') ||
        `a clean message is clean, EICAR was found at ${timeOf(this.#eicar?.at)}`,
      at: Date.now(),
      doors: running.doors.map((door) => {
        const right = !wrong.some(({ what }) => what === nameOf(door))
        return { kind: door.kind, address: door.address, right }
      }),
    }
  }

  /** Resolves with what is wrong with the judgement. */
  async #judge(
    configuration: Configuration,
    states: readonly ClamdState[],
  ): Promise<readonly Finding[]> {
    const clamds = JSON.stringify(states.map(({ server, text }) => [server, text]))
    const before = this.#eicar
    const isFound = before?.configuration === configuration && before.clamds === clamds
    const wrong = await this.#workers.ask(!isFound)
    if (wrong.length > 0) this.#eicar = undefined
    else if (!isFound) this.#eicar = { configuration, clamds, at: Date.now() }
    return wrong
  }
}

const timeOf = (at = 0) => `${new Date(at).toISOString().slice(0, 19)}Z`
