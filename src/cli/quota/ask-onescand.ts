import { EXPLAIN } from '../../doors/policy/access-answer.ts'
import { askPolicy } from '../../doors/policy/ask.ts'
import type { Attributes } from '../../doors/policy/attributes.ts'
import { leadsSomewhere } from '../../ground/path/walk.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { MailboxQuestion } from './ask-service.ts'
import type { ReportedAnswer } from './reported-answer.ts'

/** The socket at which the package's onescand listens. */
const DEFAULT_SOCKET = '/run/onescand/policy.sock'
/** Milliseconds for an answer; QUOTATIMEOUT of onescand may be up to a minute. */
const PATIENCE = 61_000

/** The socket of onescand's policy service: QUOTASOCKET, else the usual path if it exists. Throws if root must not look there. */
export function socketOfOnescand({ QUOTASOCKET }: Environment): string | undefined {
  return QUOTASOCKET || (leadsSomewhere(DEFAULT_SOCKET) ? DEFAULT_SOCKET : undefined)
}

/** Asks onescand what it would tell a door, from its cache. Rejects if it does not answer. */
export async function askOnescand(
  path: string,
  { mailbox, size }: MailboxQuestion,
): Promise<ReportedAnswer> {
  const question = { request: EXPLAIN, recipient: mailbox.text, size }
  return answerOf(await askPolicy({ path }, question, PATIENCE))
}

function answerOf(attributes: Attributes): ReportedAnswer {
  const answers = ['room', 'full', 'no-such-user'] as const
  const answer = answers.find((word) => word === attributes.get('answer')) ?? 'unknown'
  const number = (name: string) => {
    const text = attributes.get(name)
    return text === undefined ? undefined : Number(text)
  }
  return {
    answer,
    why: attributes.get('why'),
    mailbox: attributes.get('mailbox'),
    source: attributes.get('source'),
    size: number('size'),
    quota: number('quota'),
    age: number('age_ms'),
    left: number('left_ms'),
  }
}
