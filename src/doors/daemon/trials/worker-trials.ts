import { error, type Finding } from '../../../ground/errors/finding.ts'
import { TRIAL_PATIENCE } from './judge-trial.ts'

/** The first process asks a worker whether it scans. */
export interface TrialQuestion {
  readonly trial: number
  readonly wantsEicar: boolean
}

/** The worker's answer: what is wrong. */
export interface TrialAnswer {
  readonly tried: number
  readonly findings: readonly Finding[]
}

export function isTrialQuestion(message: unknown): message is TrialQuestion {
  return typeof (message as TrialQuestion | null)?.trial === 'number'
}

/** Milliseconds beyond the time of a scan for a worker to answer. */
const BEYOND = 5_000

interface AskedTrial {
  readonly question: TrialQuestion
  readonly worker: number
  readonly isRepeated: boolean
  readonly answer: (findings: readonly Finding[]) => void
}

/** Asks workers whether they scan, one after the other. */
export class WorkerTrials {
  readonly #send: (question: TrialQuestion) => number | undefined
  readonly #asked = new Map<number, AskedTrial>()
  #count = 0

  /** `send` sends to the next worker, and returns its number; undefined if there is none. */
  constructor(send: (question: TrialQuestion) => number | undefined) {
    this.#send = send
  }

  /** Resolves with what is wrong with the judgement of the next worker. */
  ask(wantsEicar: boolean): Promise<readonly Finding[]> {
    return new Promise((resolve) => {
      const question = { trial: ++this.#count, wantsEicar }
      const answer: AskedTrial['answer'] = (findings) => {
        clearTimeout(timer)
        this.#asked.delete(question.trial)
        resolve(findings)
      }
      const timer = setTimeout(() => {
        answer([trouble(`worker ${this.#asked.get(question.trial)?.worker} does not answer`)])
      }, TRIAL_PATIENCE + BEYOND)
      this.#askNext(question, answer, false)
    })
  }

  /** Takes a message of a worker. */
  take(message: unknown): void {
    const { tried, findings = [] } = message as Partial<TrialAnswer>
    if (tried !== undefined) this.#asked.get(tried)?.answer(findings)
  }

  /** The worker has ended. What it was asked is asked once more. */
  ended(worker: number): void {
    for (const asked of this.#asked.values()) {
      if (asked.worker !== worker) continue
      if (asked.isRepeated) asked.answer([trouble(`worker ${worker} ended`)])
      else this.#askNext(asked.question, asked.answer, true)
    }
  }

  #askNext(question: TrialQuestion, answer: AskedTrial['answer'], isRepeated: boolean): void {
    const worker = this.#send(question)
    if (worker === undefined) answer([trouble('no worker takes mail')])
    else this.#asked.set(question.trial, { question, worker, isRepeated, answer })
  }
}

const trouble = (value: string): Finding =>
  error('workers', value, 'see the log of onescand, and restart it')
