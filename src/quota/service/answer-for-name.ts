import type { QuotaAnswer } from '../answer.ts'
import { parseUser } from '../sources/user-name.ts'
import type { AnswerFor, Finding } from './answer.ts'
import type { Counters } from './counters.ts'
import type { LogTrouble } from './log.ts'

/** Answers for a name that anybody may have sent. */
export type AnswerForName = (name: string, incoming: number) => Finding | Promise<Finding>

export interface AnswerForNameOptions {
  readonly answerFor: AnswerFor
  readonly keepCase: boolean
  readonly counters: Counters
  readonly logTrouble: LogTrouble
}

const nobody: Finding = { answer: { answer: 'no-such-user' } }

/** Questions of all protocols are answered by this: it counts, and logs what could not be read. */
export function answersForNames({
  answerFor,
  keepCase,
  counters,
  logTrouble,
}: AnswerForNameOptions): AnswerForName {
  function note(finding: Finding): Finding {
    counters[counterOf(finding.answer)]++
    if (finding.stale) counters.stale++
    if (finding.trouble) logTrouble(finding.trouble)
    return finding
  }

  return (name, incoming) => {
    const user = parseUser(name, keepCase)
    const finding = user ? answerFor(user, incoming) : nobody
    return finding instanceof Promise ? finding.then(note) : note(finding)
  }
}

function counterOf({ answer }: QuotaAnswer): 'room' | 'full' | 'noSuchUser' | 'unknown' {
  return answer === 'no-such-user' ? 'noSuchUser' : answer
}
