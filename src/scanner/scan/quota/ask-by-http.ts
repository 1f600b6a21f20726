import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { errorText } from '../../../base/errors/fault.ts'
import { firstBytes } from '../../../base/flow/first-bytes.ts'
import {
  NOT_KNOWN,
  QUOTA_REPLY_MAX,
  type QuotaAnswer,
} from '../../../base/protocol/quota/quota-answer.ts'
import { isPageMissing, pathOfRequest, readBody } from '../../../base/protocol/quota/quota-http.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { type AskTimes, QUESTION_RETRIES, type QuotaQuestion } from './ask-by-udp.ts'
import { brokenAnswer, NO_SUCH_PAGE, noAnswer } from './quota-lookup.ts'
import type { HttpBackend } from './quota-settings.ts'

/** Upper limit for the connections to one service, used or idle. */
const CONNECTIONS = 16

export function createAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS })
}

/**
 * Sends one request over HTTP: `GET PATH?u=NAME`. The agent keeps connections open. If a connection breaks,
 * for example because the service closed it while idle, the request is repeated on another one. There are up
 * to QUESTION_RETRIES retries within the time limit.
 */
export async function askByHttp(
  backend: HttpBackend,
  question: QuotaQuestion,
  { timeout }: AskTimes,
  agent: Agent,
): Promise<QuotaAnswer> {
  const late = AbortSignal.timeout(timeout)
  for (let left = QUESTION_RETRIES; ; left--) {
    try {
      return await ask(backend, question, agent, late)
    } catch (error) {
      if (late.aborted) return noAnswer(`no answer in ${formatDuration(timeout)}`)
      if (left <= 0) return noAnswer(errorText(error))
    }
  }
}

async function ask(
  { url }: HttpBackend,
  { name }: QuotaQuestion,
  agent: Agent,
  signal: AbortSignal,
): Promise<QuotaAnswer> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const path = pathOfRequest(url, name)
  const asked = request({ host, port: url.port || 80, path, agent, signal })
  asked.on('error', () => {}).end() // the error also reaches the wait for the response
  const [response]: IncomingMessage[] = await once(asked, 'response')
  return readResponse(response!, await read(response!), name)
}

/** Reads the body. Resolves to undefined if it is longer than any answer. */
async function read(response: IncomingMessage): Promise<string | undefined> {
  const bytes = await firstBytes(response, QUOTA_REPLY_MAX + 1) // a longer one loses its connection
  return bytes.length > QUOTA_REPLY_MAX ? undefined : bytes.toString('latin1')
}

function readResponse(
  { statusCode, headers }: IncomingMessage,
  text: string | undefined,
  name: string,
): QuotaAnswer {
  if (statusCode === 404 && !isPageMissing(headers['content-type'], text)) {
    return { status: 'no-such-user' }
  }
  if (statusCode === 503) return { status: 'unknown', reason: NOT_KNOWN }
  const answer = statusCode === 200 && text !== undefined ? readBody(text, name) : undefined
  if (answer !== undefined) return answer
  const reason = statusCode === 200 ? 'an invalid body' : reasonOf(statusCode)
  return brokenAnswer(reason, true)
}

function reasonOf(statusCode: number | undefined): string {
  return statusCode === 404 ? NO_SUCH_PAGE : `status ${statusCode}`
}
