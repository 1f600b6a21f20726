import { type CheckLine, failure, inOneLine } from '../../../base/check/check-line.ts'
import type { Configuration } from '../../configuration/configuration.ts'
import type { ClamdState, SelfTest } from '../../observe/live/process-report.ts'
import type { ListeningDoor } from '../../options/door-address.ts'
import { doorName } from '../../options/door-address.ts'
import { SELF_TEST_TIMEOUT } from './judge-test-mail.ts'

/** An onescand that runs. */
export interface TriedDaemon {
  readonly configuration: Configuration
  readonly doors: readonly ListeningDoor[]
}

/** What a self-test has found. */
export interface SelfTestResult {
  /** The faults, also of the judgement. */
  readonly wrong: readonly CheckLine[]
  /** Whether the test messages were judged, and rightly. */
  readonly judgesRightly: boolean
}

/** The request of the first process to a worker for a self-test. (Root asks over the socket of `--socket`, which there need not be.) */
export interface SelfTestQuestion {
  readonly id: number
  readonly wantsEicar: boolean
}

/** The worker's answer to the request of this id. */
export interface SelfTestAnswer extends SelfTestResult {
  readonly id: number
}

/** Milliseconds beyond the time of a scan for a worker to answer. */
const BEYOND = 5_000

/** A request that a worker is processing. */
interface AskedSelfTest {
  readonly question: SelfTestQuestion
  readonly worker: number
  readonly isRepeated: boolean
  readonly answer: (result: SelfTestResult) => void
}

/** The self-tests of the first process, which tests its workers one after the other. */
export class SelfTests {
  readonly #send: (question: SelfTestQuestion) => number | undefined
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
   * `send` sends to the next worker, and returns its number, or undefined if there is none.
   */
  constructor(send: (question: SelfTestQuestion) => number | undefined) {
    this.#send = send
  }

  /**
   * Has a worker test all of onescand. Never rejects. EICAR is judged until
   * it is found, and once more when settings were reloaded or the answer of a clamd has changed. It is not
   * judged each time because a scanner logs each virus, and may call VirusEvent, clamd.conf(5).
   */
  async make(
    { configuration, doors }: TriedDaemon,
    states: readonly ClamdState[],
  ): Promise<SelfTest> {
    const wrong = await this.#try(configuration, states)
    const found = `a clean message was accepted, and EICAR was found at ${timeOf(this.#eicar?.at)}`
    return {
      hasPassed: wrong.length === 0,
      reason: wrong.map(inOneLine).join('; ') || found,
      at: Date.now(),
      doors: doors.map((door) => {
        const hasPassed = !wrong.some(({ what }) => what === doorName(door) || what === WORKERS)
        return { kind: door.kind, address: door.address, hasPassed }
      }),
    }
  }

  /** Takes the answer of a worker. */
  answered({ id, ...result }: SelfTestAnswer): void {
    this.#asked.get(id)?.answer(result)
  }

  /** Notes that the worker has ended. Its requests are sent once more. */
  ended(worker: number): void {
    for (const asked of this.#asked.values()) {
      if (asked.worker !== worker) continue
      if (asked.isRepeated) asked.answer(trouble(`worker ${worker} ended`))
      else this.#askNext(asked.question, asked.answer, true)
    }
  }

  /** Resolves to what is wrong by the next worker. */
  async #try(
    configuration: Configuration,
    states: readonly ClamdState[],
  ): Promise<readonly CheckLine[]> {
    const clamds = JSON.stringify(states.map(({ server, text }) => [server, text]))
    const before = this.#eicar
    const isFound = before?.configuration === configuration && before.clamds === clamds
    const { wrong, judgesRightly } = await this.#ask(!isFound)
    if (!judgesRightly) this.#eicar = undefined
    else if (!isFound) this.#eicar = { configuration, clamds, at: Date.now() }
    return wrong
  }

  #ask(wantsEicar: boolean): Promise<SelfTestResult> {
    return new Promise((resolve) => {
      const question = { id: ++this.#count, wantsEicar }
      const answer: AskedSelfTest['answer'] = (result) => {
        clearTimeout(timer)
        this.#asked.delete(question.id)
        resolve(result)
      }
      const timer = setTimeout(() => {
        answer(trouble(`worker ${this.#asked.get(question.id)?.worker} does not answer`))
      }, SELF_TEST_TIMEOUT + BEYOND)
      this.#askNext(question, answer, false)
    })
  }

  #askNext(question: SelfTestQuestion, answer: AskedSelfTest['answer'], isRepeated: boolean): void {
    const worker = this.#send(question)
    if (worker === undefined) answer(trouble('no worker accepts mail'))
    else this.#asked.set(question.id, { question, worker, isRepeated, answer })
  }
}

/** What is wrong if no worker has tried anything. */
const WORKERS = 'workers'

const trouble = (value: string): SelfTestResult => ({
  wrong: [failure(WORKERS, value, "check onescand's log, then restart onescand")],
  judgesRightly: false,
})

const timeOf = (at = 0) => `${new Date(at).toISOString().slice(0, 19)}Z`
