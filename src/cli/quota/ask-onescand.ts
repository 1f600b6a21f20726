import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { EXPLAIN } from '../../doors/policy/access-answer.ts'
import { createAttributeReader, writeAttributes } from '../../doors/policy/attributes.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { MailboxQuestion } from './ask-service.ts'
import type { Opinion } from './opinion.ts'

/** Where the package's onescand listens. */
const STANDARD = '/run/onescand/policy.sock'
/** Milliseconds; QUOTATIMEOUT of onescand may be up to a minute. */
const PATIENCE = 61_000

/** QUOTASOCKET; else the usual path, if there is such a socket. */
export function socketOfOnescand({ QUOTASOCKET }: Environment): string | undefined {
  return QUOTASOCKET || (existsSync(STANDARD) ? STANDARD : undefined)
}

/** What onescand would tell a door, from what it remembers. Rejects if it does not answer. */
export async function askOnescand(
  path: string,
  { mailbox, size }: MailboxQuestion,
): Promise<Opinion> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    socket.write(writeAttributes({ request: EXPLAIN, recipient: mailbox.text, size }))
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('does not answer')))
    const reader = createAttributeReader()
    for await (const chunk of socket) {
      const [answer] = reader.push(chunk)
      if (answer) return readOpinion(answer)
    }
    throw new Error(`onescand at ${path} hung up`)
  } finally {
    socket.destroy()
  }
}

function readOpinion(told: ReadonlyMap<string, string>): Opinion {
  const answers = ['room', 'full', 'no-such-user'] as const
  const answer = answers.find((word) => word === told.get('answer')) ?? 'unknown'
  const number = (name: string) => {
    const text = told.get(name)
    return text === undefined ? undefined : Number(text)
  }
  return {
    answer,
    why: told.get('why'),
    mailbox: told.get('mailbox'),
    source: told.get('source'),
    size: number('size'),
    quota: number('quota'),
    age: number('age_ms'),
    left: number('left_ms'),
  }
}
