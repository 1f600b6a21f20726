import { attempt } from '../../../base/errors/fault.ts'
import type { LogField } from '../../../base/log/line-format.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { API_PATH, type ApiRequest } from '../../protocol/quarantine-api/exchange.ts'
import { deleteEntry } from '../../scan/quarantine/begin-release.ts'
import { openMessage } from '../../scan/quarantine/entries.ts'
import { beginRequest } from '../../scan/quarantine/release-requests.ts'
import { listPage, readFilter } from './api-list.ts'
import { partsOf } from './api-parts.ts'
import { mayBeSent, Problem, problemOf } from './api-problem.ts'
import { logAction, noteAction } from './directory.ts'
import { releaseEntry, signingKeys } from './release-entry.ts'
import { parseRoute } from './send-again.ts'
import { asUtf8, headerText, shownMessage } from './shown-message.ts'

/** An answer of the API: JSON, with a status of HTTP. */
interface ApiAnswer {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

interface Call {
  readonly root: PathHandle
  readonly request: ApiRequest
  /** The id of the message in the path. */
  readonly id: string
  readonly query: URLSearchParams
}

type Operation = (call: Call) => Promise<ApiAnswer>

/** The operations by path and method. `doc/quarantine-api.json` describes them. */
export const operations: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  messages: { GET: list },
  'messages/{id}': { GET: show, DELETE: remove },
  'messages/{id}/parts': { GET: parts },
  'messages/{id}/release': { POST: release },
}

/** Resolves to the answer to a request. Throws a Problem, or what its operation throws. */
export async function answerRequest(root: PathHandle, request: ApiRequest): Promise<ApiAnswer> {
  const url = attempt(() => new URL(request.url, 'http://onescan'))
  const [, first, id = '', rest] =
    /^(messages)(?:\/([^/]{1,100})(\/[a-z]{1,20})?)?$/.exec(
      url?.pathname.slice(API_PATH.length) ?? '',
    ) ?? []
  const path = id === '' ? first : `${first}/{id}${rest ?? ''}`
  const methods = path === undefined ? undefined : operations[path]
  if (url === undefined || methods === undefined)
    throw new Problem('not-found', `${request.url}: is not a path of this API`)
  const operation = methods[request.method]
  if (operation === undefined) {
    const allowed = Object.keys(methods).join(', ')
    const problem = new Problem('method', `the methods of this resource are ${allowed}`)
    return { ...problemAnswer(problem), headers: { Allow: allowed } }
  }
  if (id !== '' && url.search !== '') throw new Problem('bad-request', 'the path has no parameters')
  return operation({
    root,
    request,
    id: attempt(() => decodeURIComponent(id)) ?? id,
    query: url.searchParams,
  })
}

/** Returns the answer to a request that has failed. */
export function problemAnswer(error: unknown): ApiAnswer {
  const body = problemOf(error)
  return { status: body.status, body }
}

async function list({ root, request, query }: Call): Promise<ApiAnswer> {
  const filter = readFilter(query)
  const page = await listPage(root, filter)
  const fields: readonly LogField[] = [
    ['quarantine', 'list'],
    ['who', request.who],
  ]
  await logAction(fields, true)
  return { status: 200, body: page }
}

/** Upper limits for the recipients of a message that are shown, and for the bytes of its header. */
const RECIPIENTS_SHOWN = 1000
const HEADER_SHOWN = 64 * 1024

async function show({ root, request, id }: Call): Promise<ApiAnswer> {
  const opened = await openMessage(root, id)
  try {
    const chunks: Buffer[] = []
    let length = 0
    for await (const piece of opened.message()) {
      chunks.push(piece)
      length += piece.length
      if (length >= HEADER_SHOWN) break
    }
    const start = Buffer.concat(chunks).subarray(0, HEADER_SHOWN)
    const header = headerText(start)
    const body = {
      ...shownMessage(opened.entry, { record: opened.record, start }, RECIPIENTS_SHOWN),
      log: asUtf8(opened.record.log),
      header: asUtf8(header),
      isHeaderComplete: header.length < start.length || length < HEADER_SHOWN,
    }
    await logAction([...noted('show', id), ['who', request.who]], true)
    return { status: 200, body }
  } finally {
    await opened.close()
  }
}

async function parts({ root, request, id }: Call): Promise<ApiAnswer> {
  const opened = await openMessage(root, id)
  try {
    const body = await partsOf(opened, process.env)
    await logAction([...noted('parts', id), ['who', request.who]], true)
    return { status: 200, body }
  } finally {
    await opened.close()
  }
}

async function remove({ root, request, id }: Call): Promise<ApiAnswer> {
  const { grounds } = await deleteEntry(root, id)
  const warnings: string[] = []
  const fields: readonly LogField[] = [...noted('delete', id), ['grounds', grounds]]
  await noteAction(root, fields, noteFor(request, warnings))
  return { status: 200, body: { id, deleted: true, warnings } }
}

const noted = (action: string, id: string): readonly LogField[] => [
  ['quarantine', action],
  ['kept', id],
]

const noteFor = ({ who }: ApiRequest, warnings: string[]) => ({
  who,
  error: (text: string) => void warnings.push(text),
})

/**
 * Releases a message once for each Idempotency-Key. Its answer, and that it may have been sent, is kept for further requests
 * with the key. If nothing was sent, the same request may be made again.
 */
async function release({ root, request, id }: Call): Promise<ApiAnswer> {
  const key = request.key ?? ''
  if (!/^[!-~]{1,200}$/.test(key))
    throw new Problem(
      'bad-request',
      'Idempotency-Key: must be 1 to 200 printable characters; use a new UUID',
    )
  const wanted = readWanted(request.body)
  const begun = await beginRequest(root, key, JSON.stringify([id, wanted]))
  if ('answer' in begun) return JSON.parse(begun.answer) as ApiAnswer
  // The request that was interrupted may have sent it.
  const again = wanted.again && !begun.wasInterrupted
  let isSettled = true
  const answer = await releaseNow(root, request, id, { ...wanted, again }).catch((error) => {
    isSettled = mayBeSent(error)
    return problemAnswer(error)
  })
  // If its end cannot be noted, the next request with the key finds the state of the message.
  await (isSettled ? begun.finish(JSON.stringify(answer)) : begun.forget()).catch(() => {})
  return answer
}

async function releaseNow(
  root: PathHandle,
  request: ApiRequest,
  id: string,
  { to, again, stamp }: WantedRelease,
): Promise<ApiAnswer> {
  const route = parseRoute(request.by, process.env)
  const run = {
    to: to.map((address) => Buffer.from(address).toString('latin1')),
    keys: () => (stamp ? signingKeys(process.env) : []),
    isRouted: false,
    routes: { chain: route, smtp: route, sendmail: route },
  }
  const warnings: string[] = []
  const released = await releaseEntry(root, { id, again }, run, noteFor(request, warnings))
  const { by, answer, recipients, isSigned } = released
  const body = {
    id,
    by,
    answer: asUtf8(answer),
    recipients: recipients.map(asUtf8),
    isSigned,
    warnings,
  }
  return { status: 200, body: { ...body, released: true } }
}

/** The body of a request to release a message. */
interface WantedRelease {
  /** Addresses instead of all recipients; empty: all recipients. */
  readonly to: readonly string[]
  readonly again: boolean
  readonly stamp: boolean
}

function readWanted(text: string): WantedRelease {
  const value: unknown = text.trim() === '' ? {} : attempt(() => JSON.parse(text))
  const bad = (detail: string) => new Problem('bad-request', detail)
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw bad('the body must be a JSON object')
  const { to = [], again = false, stamp = true, ...others }: Record<string, unknown> = { ...value }
  const [other] = Object.keys(others)
  if (other !== undefined) throw bad(`${other}: the members are to, again and stamp`)
  if (typeof again !== 'boolean' || typeof stamp !== 'boolean')
    throw bad('again and stamp: must be true or false')
  if (!Array.isArray(to) || !to.every(isRecipient))
    throw bad('to: must be a list of addresses, such as ["ann@example.org"]')
  return { to, again, stamp }
}

const isRecipient = (value: unknown): value is string =>
  typeof value === 'string' && /^[^\s\p{Cc}<>]{1,255}$/u.test(value)
