import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { attempt, Fault } from '../../../base/errors/fault.ts'
import { firstBytes } from '../../../base/flow/first-bytes.ts'
import { Semaphore } from '../../../base/flow/semaphore.ts'
import { onceAMinute } from '../../../base/log/line-format.ts'
import { type ClientAddress, clientAddressOf, GONE } from '../../../base/net/client-address.ts'
import { addressKey } from '../../../base/net/ip-address.ts'
import { runProgram } from '../../../base/process/run-program.ts'
import { siblingCommand } from '../../../base/runtime/compiled-program.ts'
import { environmentOfCommand } from '../../../base/settings/child-environment.ts'
import { formatDuration } from '../../../base/text/units.ts'
import {
  ANSWER_COMMAND,
  type ApiAnswerHead,
  type ApiRequest,
  isRelease,
  REQUEST_BODY_MAX,
} from '../../protocol/quarantine-api/exchange.ts'
import {
  PROBLEM_JSON,
  type ProblemType,
  problemDetails,
} from '../../protocol/quarantine-api/problems.ts'
import { PersonalTokens, WrongTokens } from './tokens.ts'

/** Requests of a person that are answered at once, each by a process, and those that wait for one to end. */
const PROCESSES_MAX = 2
const WAITING_MAX = 16
/** Upper limit for concurrent uploads of one person. Each uses a connection, and others are left for monitoring. */
const ARRIVING_MAX = 16
const OVERLOAD = Symbol('overload')
const RETRY_SOON = { 'Retry-After': '2' }
/** Upper limit for concurrent releases of one person. They wait for another server, and none waits for them. */
const RELEASES_MAX = 4
/** Milliseconds that a request waits for its turn, and for its answer. A release has the times of SMTP instead. */
const TURN_TIME = 20_000
const ANSWER_TIME = 120_000
/** Upper limit, in bytes, for an answer. */
const API_ANSWER_MAX = 32 * 1024 * 1024
/** Milliseconds for a client to take an answer. */
const TAKE_TIME = 60_000

interface QuarantineApiOptions {
  /** The file with the tokens of --http-quarantine. */
  readonly tokenFile: string
  /** The server for releases, HOST:PORT. */
  readonly releaseBy: string
  /** Whether the server listens at a unix socket, behind a proxy. */
  readonly isAtUnixSocket: boolean
  readonly uptime: () => number
  readonly log: (line: string) => void
}

/**
 * The quarantine over HTTP, for persons with a token. Each request is answered by a process of its own, the command
 * `onescan quarantine answer`, in the unit and with the account of onescand: so what is large or hangs delays no other
 * work, and is limited. This class lets persons in, and passes requests and answers on.
 */
export class QuarantineApi {
  readonly #options: QuarantineApiOptions
  #tokens: PersonalTokens | undefined
  readonly #wrong: WrongTokens
  readonly #turns = new Map<string, PersonalTurns>()
  readonly #log: (line: string) => void

  constructor(options: QuarantineApiOptions) {
    this.#options = options
    this.#wrong = new WrongTokens(options.uptime)
    this.#log = onceAMinute(options.log, 10)
  }

  /**
   * Reads the tokens, among which that of the page must not be. Throws a Fault of kind `config` if they cannot be used: the
   * old ones stay in use then.
   */
  readTokens(pageToken: string | undefined): void {
    if (process.geteuid!() === 0)
      throw new Fault(
        'config',
        '--http-quarantine: root runs onescand; run it as the account of the quarantine',
      )
    this.#tokens = PersonalTokens.read(this.#options.tokenFile, pageToken)
  }

  /** Answers a request. A release goes on if its client leaves, and its answer is kept for the same request. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const problem = (code: ProblemType, reason: string, headers: ApiAnswerHead['headers'] = {}) => {
      const body = problemDetails(code, reason)
      const all = { 'Content-Type': PROBLEM_JSON, ...headers }
      send(request, response, { status: body.status, headers: all }, `${JSON.stringify(body)}\n`)
    }
    if (this.#tokens === undefined)
      return problem('quarantine', 'its tokens cannot be used; onescand has logged the reason')
    const client = clientOf(request, this.#options.isAtUnixSocket)
    if (client === GONE) return void response.destroy()
    const address = addressKey(client)
    const person = this.#tokens.personOf(request.headers.authorization)
    const locked = client === undefined ? 0 : this.#wrong.secondsLocked(address, person?.name)
    if (locked > 0) {
      const detail = `try again in ${formatDuration(locked * 1000)}`
      return problem('too-many-attempts', detail, { 'Retry-After': String(locked) })
    }
    if (person === undefined) {
      // A request without any is not an attempt: each page that a person visits can make a browser send it.
      if (request.headers.authorization !== undefined) {
        this.#wrong.note(address)
        this.#log(`http: a wrong token for the quarantine from ${client ?? 'the socket'}`)
      }
      return problem('no-token', '', {
        'WWW-Authenticate': 'Bearer realm="onescan quarantine"',
      })
    }
    this.#wrong.noteRight(address, person.name)
    const turns = this.#turns.get(person.name) ?? new PersonalTurns()
    this.#turns.set(person.name, turns)
    const body = await turns.whileItArrives(() => readBody(request))
    if (body === OVERLOAD)
      return problem('overload', `${ARRIVING_MAX} of your requests arrive now`, RETRY_SOON)
    if (body === undefined)
      return problem('too-large', `the body may have ${REQUEST_BODY_MAX} bytes`)
    const { method = '', url = '' } = request
    const turn = await turns.take(isRelease(method, url))
    if (typeof turn === 'string') return problem('overload', turn, RETRY_SOON)
    try {
      const key = request.headers['idempotency-key']
      const answer = await this.#ask({
        method,
        url,
        body,
        person,
        who: `${person.name}@${client ?? 'socket'}`,
        key: typeof key === 'string' ? key : undefined,
        by: this.#options.releaseBy,
      })
      if (typeof answer === 'string') problem(answer, 'its process was ended; see the log')
      else {
        if (answer.head.needsReload) process.kill(process.pid, 'SIGHUP')
        send(request, response, answer.head, answer.body)
      }
    } finally {
      turn()
    }
  }

  /** Resolves to the answer of a process, or to the problem with the process. */
  async #ask(question: ApiRequest): Promise<ProcessAnswer | 'late' | 'internal'> {
    const { code, output, exceeded } = await runProgram({
      command: siblingCommand('onescan', ...ANSWER_COMMAND),
      env: environmentOfCommand(process.env),
      input: JSON.stringify(question),
      complains: 'inherit', // its lines are lines of the log
      within: isRelease(question.method, question.url) ? undefined : ANSWER_TIME,
      most: API_ANSWER_MAX,
    }).catch(() => ({ code: null, output: Buffer.alloc(0), exceeded: undefined }))
    if (code === 0) return readAnswer(output) ?? 'internal'
    this.#log(`http: onescan quarantine answer ended with ${code ?? 'a signal'}`)
    return exceeded === 'time' ? 'late' : 'internal'
  }
}

/**
 * Returns the IP address of a client. A unix socket, which its mode opens to a proxy alone, has that in X-Forwarded-For: the
 * last one is what the proxy saw. Any account of this host could state another one at a port.
 */
function clientOf(
  { socket, headers }: IncomingMessage,
  isAtUnixSocket: boolean,
): ClientAddress | typeof GONE {
  const address = clientAddressOf(socket, isAtUnixSocket)
  if (address !== undefined) return address
  const last = [headers['x-forwarded-for'] ?? ''].flat().at(-1)?.split(',').at(-1)?.trim()
  return last && isIP(last) ? last : undefined
}

/** What a person has under way: it delays no other person, and releases delay no other request. */
class PersonalTurns {
  readonly #others = new Semaphore(PROCESSES_MAX)
  readonly #releases = new Semaphore(RELEASES_MAX)
  #waiting = 0
  #arriving = 0

  /** Resolves to the body of a request, or to OVERLOAD if too many arrive. */
  async whileItArrives<Body>(read: () => Promise<Body>): Promise<Body | typeof OVERLOAD> {
    if (this.#arriving === ARRIVING_MAX) return OVERLOAD
    this.#arriving++
    try {
      return await read()
    } finally {
      this.#arriving--
    }
  }

  /** Resolves to the function that ends a turn, or to why there is none. */
  async take(sends: boolean): Promise<(() => void) | string> {
    if (sends && !this.#releases.isFree)
      return `${RELEASES_MAX} of your releases wait for the next server`
    if (sends) return (await this.#releases.acquire())!
    if (this.#waiting === WAITING_MAX) return `${WAITING_MAX} of your requests wait already`
    this.#waiting++
    const turn = await this.#others.acquire(AbortSignal.timeout(TURN_TIME))
    this.#waiting--
    return turn ?? 'your other requests took too long'
  }
}

interface ProcessAnswer {
  readonly head: ApiAnswerHead
  readonly body: Buffer
}

function readAnswer(bytes: Buffer): ProcessAnswer | undefined {
  const end = bytes.indexOf('\n')
  const head = attempt(() => JSON.parse(bytes.toString('utf8', 0, end)) as ApiAnswerHead)
  return head && { head, body: bytes.subarray(end + 1) }
}

/** Resolves to undefined if the body is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const bytes = await firstBytes(request, REQUEST_BODY_MAX + 1)
  return bytes.length > REQUEST_BODY_MAX ? undefined : bytes.toString()
}

/** Sends an answer, which no browser shows as a page or runs. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers }: ApiAnswerHead,
  body: Buffer | string,
): void {
  response.writeHead(status, {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  response.setTimeout(TAKE_TIME, () => response.destroy())
  response.end(request.method === 'HEAD' ? undefined : body)
}
