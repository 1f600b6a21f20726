import { attempt } from '../../base/errors/fault.ts'
import { firstBytes } from '../../base/flow/first-bytes.ts'
import type { LogField } from '../../base/log/line-format.ts'
import type { PathHandle } from '../../base/path/path-handle.ts'
import { changeExceptions, mayChangeExceptions } from '../configuration/exceptions.ts'
import {
  API_PATH,
  type ApiRequest,
  type Right,
  requestUrl,
  SIGN_OUT_SECONDS,
} from '../protocol/quarantine-api/exchange.ts'
import type { Receipt } from '../scan/quarantine/receipts.ts'
import { beginRequest } from '../scan/quarantine/release-requests.ts'
import { headerLinesOf } from '../scan/quarantine/seen-fields.ts'
import { checkParameters, countMessages, LIST_PARAMETERS, listPage, readFilter, SEARCH_PARAMETERS } from './api-list.ts' // biome-ignore format: a line
import { partsOf } from './api-parts.ts'
import { Desk } from './desk.ts'
import { cannotWrite, EXCEPTIONS_FOR, type ExceptionFor, exceptionForMessage, possibleExceptions } from './exception-for-message.ts' // biome-ignore format: a line
import { type ActionNote, logAction, noteAction } from './note-action.ts'
import { mayBeSent, Problem, problemOf } from './problem.ts'
import { mayRelease, recipientsFor } from './reader.ts'
import { obstacleTo, releaseEntry, signingKeys } from './release-entry.ts'
import { parseRoute } from './send-again.ts'
import { asUtf8 } from './shown-message.ts'
import { textOf } from './text-of-message.ts'

/** An answer of the API: JSON, with a status of HTTP. */
interface ApiAnswer {
  readonly status: number
  /** An object becomes JSON. */
  readonly body: object | Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** Whether onescand has to read its settings again. */
  readonly needsReload?: true
}

interface Call {
  readonly desk: Desk
  readonly request: ApiRequest
  /** The id of the message in the path. */
  readonly id: string
  readonly query: URLSearchParams
}

type AnswerCall = (call: Call) => Promise<ApiAnswer>

/** An operation, what its person must be allowed to do, and the parameters of its path. */
interface Operation {
  readonly right: Right | undefined
  readonly work: AnswerCall
  readonly parameters: readonly string[]
}

const needs = (
  right: Right | undefined,
  work: AnswerCall,
  parameters: readonly string[] = [],
): Operation => ({ right, work, parameters })

/** The operations by path and method. `doc/quarantine-api.json` describes them. */
export const operations: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  me: { GET: needs(undefined, me) },
  messages: { GET: needs('look', list, LIST_PARAMETERS) },
  'messages/count': { GET: needs('look', count, SEARCH_PARAMETERS) },
  'messages/delete': { POST: needs('delete', removeMany) },
  'messages/release': { POST: needs('release', releaseMany) },
  'messages/{id}': { GET: needs('look', show), DELETE: needs('delete', remove) },
  'messages/{id}/parts': { GET: needs('look', parts) },
  'messages/{id}/text': { GET: needs('read', letter) },
  'messages/{id}/message': { GET: needs('download', download) },
  'messages/{id}/allow': { POST: needs('allow', allow), DELETE: needs('allow', disallow, ['for']) },
  'messages/{id}/release': { POST: needs('release', release) },
}

/** Resolves to the answer to a request. Throws a Problem, or what its operation throws. */
export async function answerRequest(root: PathHandle, request: ApiRequest): Promise<ApiAnswer> {
  const url = requestUrl(request.url)
  const path = url?.pathname.slice(API_PATH.length) ?? ''
  const [, id = '', rest = ''] = /^messages\/([^/]{1,100})(\/[a-z]{1,20})?$/.exec(path) ?? []
  const isOfOne = id !== '' && !Object.hasOwn(operations, path)
  const known = isOfOne ? `messages/{id}${rest}` : path
  if (url === undefined || !Object.hasOwn(operations, known))
    throw new Problem('not-found', `${request.url}: is not a path of this API`)
  const methods = operations[known]!
  const operation = methods[request.method]
  if (operation === undefined) {
    const allowed = Object.keys(methods).join(', ')
    const problem = new Problem('method', `the methods of this resource are ${allowed}`)
    return { ...problemAnswer(problem), headers: { Allow: allowed } }
  }
  const { right, work, parameters } = operation
  if (right !== undefined && !request.person.may.includes(right))
    throw new Problem('not-allowed', `this needs the right ${JSON.stringify(right)}`)
  checkParameters(url.searchParams, parameters)
  const call = {
    desk: await Desk.open(root, request.person),
    request,
    id: isOfOne ? (attempt(() => decodeURIComponent(id)) ?? id) : '',
    query: url.searchParams,
  }
  return work(call).catch((error) => callProblem(call, error))
}

/** Returns the answer to a request that has failed. */
export function problemAnswer(error: unknown): ApiAnswer {
  const body = problemOf(error)
  return { status: body.status, body }
}

/** Returns the answer to a call that has failed: about a message that is gone, with the person who deleted it. */
function callProblem({ desk, id }: Call, error: unknown): ApiAnswer {
  const answer = problemAnswer(error)
  const deletion = desk.deletionOf(id)
  if (answer.status !== 404 || deletion === undefined) return answer
  const { person: deletedBy, at: deletedAt } = deletion
  return { ...answer, body: { ...answer.body, deletedBy, deletedAt } }
}

async function me({ request: { person } }: Call): Promise<ApiAnswer> {
  const { name, may, releases, to, signOutSeconds = SIGN_OUT_SECONDS } = person
  const isAddress = (word: string) => word.includes('@')
  const body = {
    person: name,
    may,
    signOutAfter: signOutSeconds,
    ...(releases && { releases }),
    ...(to && {
      domains: to.filter((word) => !isAddress(word)),
      recipients: to.filter(isAddress),
    }),
  }
  return { status: 200, body }
}

async function list({ desk, request, query }: Call): Promise<ApiAnswer> {
  const page = await listPage(desk, readFilter(query))
  await logAction([['quarantine', 'list'], ['who', request.who]], true) // biome-ignore format: a line
  return { status: 200, body: page }
}

async function count({ desk, query }: Call): Promise<ApiAnswer> {
  return { status: 200, body: await countMessages(desk, readFilter(query)) }
}

/** Upper limits for the recipients of a message that are shown, and for the bytes of its header. */
const RECIPIENTS_SHOWN = 1000
const HEADER_SHOWN = 64 * 1024

/** Answers with what `read` makes of a message, and logs who asked. */
async function aboutMessage(
  { desk, request, id }: Call,
  word: string,
  read: (opened: Awaited<ReturnType<Desk['message']>>) => Promise<object>,
): Promise<ApiAnswer> {
  const opened = await desk.message(id)
  try {
    const body = await read(opened)
    await logAction([...noted(word, id), ['who', request.who]], true)
    return { status: 200, body }
  } finally {
    await opened.close()
  }
}

function show(call: Call): Promise<ApiAnswer> {
  return aboutMessage(call, 'show', async (opened) => {
    const start = await firstBytes(opened.message(), HEADER_SHOWN)
    const header = headerLinesOf(start).toString('latin1')
    const receipts = call.desk.receipts(opened.entry.id)
    const isOwn = ({ to }: Receipt) => recipientsFor(call.request.person, [to]).length === 1
    return {
      ...call.desk.shown({ ...opened, start }, RECIPIENTS_SHOWN),
      releasedTo: receipts
        .filter(isOwn)
        .map(({ to, at, by }) => ({ recipient: asUtf8(to), at, person: by })),
      log: asUtf8(opened.record.log),
      header: asUtf8(header),
      obstacle: obstacleTo(opened.record, call.request.person, process.env) ?? null,
      exceptions: await possibleExceptions(call.request.person, opened.record, process.env),
      isHeaderComplete: header.length < start.length || start.length < HEADER_SHOWN,
    }
  })
}

function parts(call: Call): Promise<ApiAnswer> {
  return aboutMessage(call, 'parts', (opened) => partsOf(opened, process.env))
}

function letter(call: Call): Promise<ApiAnswer> {
  return aboutMessage(call, 'text', textOf)
}

/** Upper limit, in bytes, for a message that is downloaded: onescand takes an answer of little more. */
const DOWNLOAD_MAX = 30 * 1024 * 1024

async function download({ desk, request, id }: Call): Promise<ApiAnswer> {
  const opened = await desk.message(id)
  try {
    if (opened.entry.size > DOWNLOAD_MAX)
      throw new Problem('too-large', `the message has more than ${DOWNLOAD_MAX} bytes`)
    const body = await firstBytes(opened.message(), DOWNLOAD_MAX)
    await noteAction(desk.root, noted('download', id), noteFor(request, []))
    const headers = {
      'Content-Type': 'message/rfc822',
      'Content-Disposition': `attachment; filename="${id}.eml"`,
    }
    return { status: 200, body, headers }
  } finally {
    await opened.close()
  }
}

async function allow({ desk, request, id }: Call): Promise<ApiAnswer> {
  const value = attempt(() => JSON.parse(request.body) as Record<string, unknown> | null)
  const { for: whose, preview = false, ...others } = value ?? {}
  if (typeof preview !== 'boolean' || Object.keys(others).length > 0)
    throw new Problem('bad-request', 'the body must be such as {"for": "sender"}')
  const of = kindOf(request, whose)
  const { lines, letsIn } = exceptionForMessage(await recordForException({ desk, request, id }), of)
  const change = preview
    ? mayChangeExceptions(process.env).then(() => false)
    : changeExceptions(process.env, lines, 'add', id).then(({ isChanged }) => isChanged)
  const isNew = await change.catch(cannotWrite)
  const body = { line: lines.join('\n'), letsIn, isNew }
  if (!isNew) return { status: 200, body }
  await noteAction(desk.root, [...noted('allow', id), ['for', of]], noteFor(request, []))
  return { status: 200, body, needsReload: true }
}

/** The kind of exception that a request names. That of a limited person is for the recipients in the person's care. */
function kindOf({ person }: ApiRequest, whose: unknown): ExceptionFor {
  const of = EXCEPTIONS_FOR.find((name) => name === whose)
  if (of === undefined)
    throw new Problem('bad-request', `for: must be one of ${EXCEPTIONS_FOR.join(', ')}`)
  return of === 'sender' && person.to !== undefined ? 'pair' : of
}

/** Resolves to the record of a message for which the person may make exceptions, and undo them. */
async function recordForException({ desk, request, id }: Omit<Call, 'query'>) {
  const { record, close } = await desk.message(id)
  await close()
  if (!mayRelease(request.person, record.grounds))
    throw new Problem('not-this-kind', `the token is not for ${record.grounds}`)
  return record
}

/** Removes the exceptions for mail like a message that allow() has added, or that of one kind. */
async function disallow({ desk, request, id, query }: Call): Promise<ApiAnswer> {
  const record = await recordForException({ desk, request, id })
  const named = query.getAll('for').map((word) => kindOf(request, word))
  const kinds = named.length > 0 ? named : EXCEPTIONS_FOR.map((of) => kindOf(request, of))
  const lines = kinds.flatMap((of) => attempt(() => exceptionForMessage(record, of).lines) ?? [])
  if (lines.length === 0) throw new Problem('no-exception', 'none can be made for it')
  await changeExceptions(process.env, lines, 'remove', id).catch(cannotWrite)
  const whose = named.map((of): LogField => ['for', of])
  await noteAction(desk.root, [...noted('disallow', id), ...whose], noteFor(request, []))
  return { status: 200, body: { id, allowed: false }, needsReload: true }
}

async function remove({ desk, request, id }: Call): Promise<ApiAnswer> {
  const warnings: string[] = []
  await desk.remove(id, noteFor(request, warnings))
  return { status: 200, body: { id, deleted: true, warnings } }
}

/** Upper limits for the messages of a request. */
const DELETED_MAX = 1000
const RELEASED_MAX = 100

async function removeMany(call: Call): Promise<ApiAnswer> {
  const results = await forEachId(call, DELETED_MAX, async (id) => (await remove({ ...call, id })).body) // biome-ignore format: a line
  return { status: 200, body: { results } }
}

/** Releases messages to their own recipients, each once for each Idempotency-Key. */
async function releaseMany(call: Call): Promise<ApiAnswer> {
  const key = keyOf(call.request)
  const results = await forEachId(call, RELEASED_MAX, async (id) => {
    const request = { ...call.request, key: `${key} ${id}`, body: '' }
    const { status, body } = await releaseOnce({ ...call, request, id })
    return status < 400 ? body : { id, problem: body }
  })
  return { status: 200, body: { results } }
}

/** Works on the messages of a request one after another. What one of them throws is its problem. */
async function forEachId(
  { request }: Call,
  most: number,
  work: (id: string) => Promise<object>,
): Promise<object[]> {
  const value = attempt(() => JSON.parse(request.body) as { readonly ids?: unknown } | null)
  const ids = value?.ids
  const isList = Array.isArray(ids) && ids.every((id) => typeof id === 'string')
  if (!isList || ids.length > most || Object.keys(value!).length > 1)
    throw new Problem('bad-request', `the body must be {"ids": [...]}, with at most ${most} ids`)
  const results: object[] = []
  for (const id of new Set(ids))
    results.push(await work(id).catch((error) => ({ id, problem: problemOf(error) })))
  return results
}

const noted = (action: string, id: string): readonly LogField[] => [
  ['quarantine', action],
  ['kept', id],
]

const noteFor = ({ who }: ApiRequest, warnings: string[]): ActionNote => ({
  who,
  isOverHttp: true,
  error: (text: string) => void warnings.push(text),
})

async function release(call: Call): Promise<ApiAnswer> {
  keyOf(call.request)
  return releaseOnce(call)
}

function keyOf({ key = '' }: ApiRequest): string {
  if (/^[!-~]{1,200}$/.test(key)) return key
  throw new Problem(
    'bad-request',
    'Idempotency-Key: must be 1 to 200 printable characters; use a new UUID',
  )
}

/**
 * Releases a message once for each Idempotency-Key. Its answer, and that it may have been sent, is kept for further requests
 * with the key. If nothing was sent, the same request may be made again.
 */
async function releaseOnce(call: Call): Promise<ApiAnswer> {
  const { desk, request, id } = call
  const wanted = readWanted(request.body)
  const begun = await beginRequest(desk.root, request.key!, JSON.stringify([id, wanted]))
  if ('answer' in begun) return JSON.parse(begun.answer) as ApiAnswer
  // The request that was interrupted may have sent it.
  const again = wanted.again && !begun.wasInterrupted
  let isSettled = true
  const answer = await releaseNow(call, { ...wanted, again }).catch((error) => {
    isSettled = mayBeSent(error)
    return callProblem(call, error)
  })
  // If its end cannot be noted, the next request with the key finds the state of the message.
  await (isSettled ? begun.finish(JSON.stringify(answer)) : begun.forget()).catch(() => {})
  return answer
}

async function releaseNow(
  { desk, request, id }: Call,
  { to, again: mayRepeat, stamp }: WantedRelease,
): Promise<ApiAnswer> {
  const route = parseRoute(request.by, process.env)
  const run = {
    to: to.map((address) => Buffer.from(address).toString('latin1')),
    keys: () => (stamp ? signingKeys(process.env) : []),
    isRouted: false,
    routes: { chain: route, smtp: route, sendmail: route },
    reader: request.person,
  }
  const warnings: string[] = []
  const released = await releaseEntry(desk.root, { id, mayRepeat }, run, noteFor(request, warnings))
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
