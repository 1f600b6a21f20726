import {
  type CheckLine,
  failure,
  inOneLine,
  settingsFault,
} from '../../../base/check/check-line.ts'
import type { Configuration } from '../../configuration/configuration.ts'
import type { ClamdState, SelfTest } from '../../observe/live/process-report.ts'
import { freeSpaceFaults } from '../../readiness/check-directories.ts'
import { nothingScans, unreadableSettings } from '../../readiness/check-settings.ts'
import type { ListeningDoor } from '../options/door-address.ts'
import { SELF_TEST_TIMEOUT } from './judge-test-mail.ts'
import { doorName, tryDoor } from './try-door.ts'

/** An onescand that runs. */
interface TriedDaemon {
  readonly configuration: Configuration
  readonly doors: readonly ListeningDoor[]
}

/**
 * Tests a running onescand, and resolves to the faults. It tests:
 *
 * - the judgement, by `judge`, which has one of its processes judge messages;
 * - each open door;
 * - the free space for messages of `maxSize` bytes;
 * - the settings, which are read again like at the next start.
 */
export async function tryRunning(
  { configuration, doors }: TriedDaemon,
  maxSize: number,
  judge: () => Promise<readonly CheckLine[]>,
): Promise<CheckLine[]> {
  const nothing = nothingScans(configuration)
  const [judged, ...tried] = await Promise.all([
    nothing === undefined ? judge() : [nothing],
    ...doors.map(tryDoor),
  ])
  const wrong = [...judged, ...tried.filter((checkLine) => checkLine !== undefined)]
  if (nothing !== undefined) return wrong
  return [
    ...wrong,
    ...freeSpaceFaults(configuration, configuration.messageOptions.spool, maxSize),
    // Without a keyring, for example, the standalone program defers all mail although this process continues.
    ...(await unreadableSettings(configuration.env)).map((line) => {
      const checkLine = settingsFault(line)
      return {
        ...checkLine,
        value: `onescand continues with those that it read before: ${checkLine.value}`,
      }
    }),
  ]
}

/** The request of the first process to a worker for a self-test. */
export interface SelfTestQuestion {
  readonly id: number
  readonly wantsEicar: boolean
}

/** The worker's answer to the request of this id: what is wrong. */
export interface SelfTestAnswer {
  readonly id: number
  readonly wrong: readonly CheckLine[]
}

/** Milliseconds beyond the time of a scan for a worker to answer. */
const BEYOND = 5_000

/** A request that a worker is processing. */
interface AskedSelfTest {
  readonly question: SelfTestQuestion
  readonly worker: number
  readonly isRepeated: boolean
  readonly answer: (wrong: readonly CheckLine[]) => void
}

/** The self-tests of the first process, which tests its workers one after the other. */
export class SelfTests {
  readonly #send: (question: SelfTestQuestion) => number | undefined
  readonly #maxSize: number
  readonly #asked = new Map<number, AskedSelfTest>()
  #count = 0
  /**
   * The time at which EICAR was found last, in milliseconds since 1970, with the servers of clamd and
   * signatures.
   */
  #eicar:
    | { readonly at: number; readonly configuration: Configuration; readonly clamds: string }
    | undefined

  /**
   * `send` sends to the next worker, and returns its number, or undefined if there is none. `maxSize` is that
   * of a message, in bytes.
   */
  constructor(send: (question: SelfTestQuestion) => number | undefined, maxSize: number) {
    this.#send = send
    this.#maxSize = maxSize
  }

  /**
   * Has a worker judge a clean message, and runs all other tests. Never rejects. EICAR is also judged until
   * it is found, and once more when settings were reloaded or the answer of a clamd has changed. It is not
   * judged each time because a scanner logs each virus, and may call VirusEvent, clamd.conf(5).
   */
  async make(running: TriedDaemon, states: readonly ClamdState[]): Promise<SelfTest> {
    const judge = () => this.#judge(running.configuration, states)
    const wrong = await tryRunning(running, this.#maxSize, judge)
    const found = `a clean message was accepted, and EICAR was found at ${timeOf(this.#eicar?.at)}`
    return {
      right: wrong.length === 0,
      reason: wrong.map(inOneLine).join('; ') || found,
      at: Date.now(),
      doors: running.doors.map((door) => {
        const right = !wrong.some(({ what }) => what === doorName(door))
        return { kind: door.kind, address: door.address, right }
      }),
    }
  }

  /** Takes the answer of a worker. */
  answered({ id, wrong }: SelfTestAnswer): void {
    this.#asked.get(id)?.answer(wrong)
  }

  /** Notes that the worker has ended. Its requests are sent once more. */
  ended(worker: number): void {
    for (const asked of this.#asked.values()) {
      if (asked.worker !== worker) continue
      if (asked.isRepeated) asked.answer([trouble(`worker ${worker} ended`)])
      else this.#askNext(asked.question, asked.answer, true)
    }
  }

  /** Resolves to what is wrong with the judgement of the next worker. */
  async #judge(
    configuration: Configuration,
    states: readonly ClamdState[],
  ): Promise<readonly CheckLine[]> {
    const clamds = JSON.stringify(states.map(({ server, text }) => [server, text]))
    const before = this.#eicar
    const isFound = before?.configuration === configuration && before.clamds === clamds
    const wrong = await this.#ask(!isFound)
    if (wrong.length > 0) this.#eicar = undefined
    else if (!isFound) this.#eicar = { configuration, clamds, at: Date.now() }
    return wrong
  }

  #ask(wantsEicar: boolean): Promise<readonly CheckLine[]> {
    return new Promise((resolve) => {
      const question = { id: ++this.#count, wantsEicar }
      const answer: AskedSelfTest['answer'] = (wrong) => {
        clearTimeout(timer)
        this.#asked.delete(question.id)
        resolve(wrong)
      }
      const timer = setTimeout(() => {
        answer([trouble(`worker ${this.#asked.get(question.id)?.worker} does not answer`)])
      }, SELF_TEST_TIMEOUT + BEYOND)
      this.#askNext(question, answer, false)
    })
  }

  #askNext(question: SelfTestQuestion, answer: AskedSelfTest['answer'], isRepeated: boolean): void {
    const worker = this.#send(question)
    if (worker === undefined) answer([trouble('no worker accepts mail')])
    else this.#asked.set(question.id, { question, worker, isRepeated, answer })
  }
}

const trouble = (value: string): CheckLine =>
  failure('workers', value, "check onescand's log, then restart onescand")

const timeOf = (at = 0) => `${new Date(at).toISOString().slice(0, 19)}Z`
