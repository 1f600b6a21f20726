// Requests with the token of a person. It stays in this tab, is sent in a header, and is given to other tabs of this
// browser while this one is open: no page of another site can act with it.

/** @import { ProblemCode } from './words.js' */
/** @import { Me } from './answers.js' */

const API = '/quarantine/v1/'
const KEPT = 'onescan-quarantine'
/** Milliseconds in which another tab gives its token. */
const GIVEN_WITHIN = 200

/** What went wrong with a request, as a code that words.js has a sentence for. */
export class Problem extends Error {
  /**
   * @param {ProblemCode} code
   * @param {{ answer?: string, remaining?: number, recipient?: string, deletedBy?: string, deletedAt?: string }} [more] what the next mail server replied, for how many recipients, and about whom; the person who deleted the message, and when
   * @param {number} [seconds] how long to wait
   */
  constructor(code, { answer, remaining, recipient, deletedBy, deletedAt } = {}, seconds) {
    super(code)
    this.code = code
    this.answer = answer
    this.remaining = remaining
    this.recipient = recipient
    this.deletedBy = deletedBy
    this.deletedAt = deletedAt
    this.seconds = seconds
  }
}

/**
 * Sends a request, and resolves to the answer. Throws a Problem.
 *
 * @param {string} path
 * @param {{ method?: string, body?: object, key?: string }} [request]
 */
export async function ask(path, request) {
  const response = await send(path, request)
  return await response.json().catch(() => {
    throw new Problem('no-answer')
  })
}

/**
 * Sends a request, and resolves to the answer as a file.
 *
 * @param {string} path
 */
export async function askForFile(path) {
  const response = await send(path)
  return await response.blob().catch(() => {
    throw new Problem('no-answer')
  })
}

/**
 * @param {string} path
 * @param {{ method?: string, body?: object, key?: string }} [request]
 */
async function send(path, { method = 'GET', body, key } = {}) {
  const headers = {
    Authorization: `Bearer ${token()}`,
    ...(body && { 'Content-Type': 'application/json' }),
    ...(key && { 'Idempotency-Key': key }),
  }
  const sent = { method, headers, credentials: /** @type {const} */ ('omit') }
  const response = await fetch(
    API + path,
    body ? { ...sent, body: JSON.stringify(body) } : sent,
  ).catch(() => {
    throw new Problem('no-answer')
  })
  if (response.ok) return response
  const answer = await response.json().catch(() => ({}))
  // A proxy in front of onescand that gets no answer has none of our problems.
  const seconds = Number(response.headers.get('Retry-After') ?? 0)
  throw new Problem(codeOf(answer) ?? 'no-answer', answer, seconds)
}

/**
 * The code of a problem.
 *
 * @param {{ code?: ProblemCode, type?: string }} problem
 */
export function codeOf({ code, type }) {
  return code ?? /** @type {ProblemCode | undefined} */ (type?.split('/').at(-1))
}

/** @returns {{ token?: string, used?: number, signOutAfter?: number }} */
function kept() {
  return JSON.parse(sessionStorage.getItem(KEPT) ?? '{}')
}

/** @param {ReturnType<typeof kept>} changes */
function keep(changes) {
  sessionStorage.setItem(KEPT, JSON.stringify({ ...kept(), ...changes }))
}

const token = () => kept().token ?? ''

/** Other tabs of this browser with this page. */
const tabs = new BroadcastChannel(KEPT)

/**
 * Takes the token of this tab, or of another one. Resolves to whether there is one.
 *
 * @returns {Promise<boolean>}
 */
export function resume() {
  if (isTooOld()) sessionStorage.removeItem(KEPT)
  if (token()) return Promise.resolve(true)
  tabs.postMessage('token?')
  return new Promise((resolve) => {
    addEventListener('token', () => resolve(true), { once: true })
    setTimeout(() => resolve(false), GIVEN_WITHIN)
  })
}

/**
 * Who has this token, and may do what. Throws a Problem, and forgets a token that is not valid.
 *
 * @param {string} [entered]
 * @returns {Promise<Me>}
 */
export async function signIn(entered) {
  if (entered) keep({ token: entered, used: Date.now() })
  const me = await ask('me').catch((problem) => {
    if (problem.code === 'no-token') sessionStorage.removeItem(KEPT)
    throw problem
  })
  keep({ used: Date.now(), signOutAfter: me.signOutAfter })
  return me
}

/** Forgets the token here and in all tabs. */
export function signOut() {
  tabs.postMessage('sign out')
  sessionStorage.removeItem(KEPT)
}

/** Milliseconds of the time without use that are left. */
function timeLeft() {
  const { used = Date.now(), signOutAfter = 900 } = kept()
  return used + signOutAfter * 1000 - Date.now()
}

/** How long before its end a person is warned, in milliseconds: WCAG 2.2.1 wants 20 seconds. */
const warnedBefore = () => Math.min(60_000, Math.max(20_000, (kept().signOutAfter ?? 900) * 200))

const isTooOld = () => timeLeft() < 0

/** What shows that the page is used: a screen reader that reads it keeps the keys to itself, and moves the focus or scrolls. */
const USES = ['keydown', 'pointerdown', 'click', 'focusin', 'scroll']

/**
 * Calls `end` when the token was forgotten: after the time without use in any tab, or in another tab. Before that time has
 * passed, calls `warn` each second with the seconds that are left, if it soon has.
 *
 * @param {(why: 'time' | 'elsewhere') => void} end
 * @param {(secondsLeft: number | undefined) => void} warn
 */
export function watch(end, warn) {
  const onUse = () => {
    if (!token() || Date.now() - (kept().used ?? 0) < 1000) return
    if (isTooOld()) return endNow('time')
    keep({ used: Date.now() })
    tabs.postMessage('used')
    warn(undefined)
  }
  for (const kind of USES) addEventListener(kind, onUse, { capture: true, passive: true })
  setInterval(() => {
    if (!token()) return
    if (isTooOld()) return endNow('time')
    const left = timeLeft()
    warn(left <= warnedBefore() ? Math.ceil(left / 1000) : undefined)
  }, 1000)
  /** @param {'time' | 'elsewhere'} why */
  const endNow = (why) => {
    sessionStorage.removeItem(KEPT)
    end(why)
  }
  tabs.onmessage = ({ data }) => {
    if (data === 'token?' && token()) tabs.postMessage(kept())
    if (data === 'used' && token()) keep({ used: Date.now() })
    if (data === 'sign out' && token()) endNow('elsewhere')
    if (data.token && !token()) {
      keep(data)
      dispatchEvent(new Event('token'))
    }
  }
}
