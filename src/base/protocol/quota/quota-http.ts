import { type QuotaAnswer, readAnswerWords } from './quota-answer.ts'

/** The protocol of quota services over HTTP: doc/development/quota-protocol.md. */

/** The subject of an HTTP request. */
type HttpQuestion =
  | { readonly asks: 'quota'; readonly user: string }
  | { readonly asks: 'health' | 'metrics' }
  /** The request cannot be answered. `status` and `text` are the reply. */
  | { readonly asks: 'nothing'; readonly status: 400 | 404 | 405; readonly text: string }

/** Returns the path of the request for a name: that of the URL, with the name in the field `u`. */
export function pathOfRequest({ pathname, search }: URL, name: string): string {
  return `${pathname}${queryBeforeName(search)}${percentEncode(name)}`
}

/** The query up to the name. The URL may have `?u=` already or not, and other fields. */
function queryBeforeName(search: string): string {
  if (search === '') return '?u='
  return /[?&]u=$/.test(search) ? search : `${search}&u=`
}

/** Encodes a name byte by byte (RFC 3986 2.1), because it need not be UTF-8. */
function percentEncode(name: string): string {
  return name.replace(/[^A-Za-z0-9._~@-]/g, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).toUpperCase()}` // names have no bytes below 0x10
  })
}

/** Reads method and target of a request. The user is latin1, one character for each byte. */
export function readRequest(method: string, target: string): HttpQuestion {
  if (method !== 'GET' && method !== 'HEAD') return unanswerable(405, 'only GET and HEAD')
  const [path, query = ''] = target.split('?', 2)
  switch (path) {
    case '/cgi-bin/quota.cgi': {
      const written = query.split('&').find((field) => field.startsWith('u='))
      const user = written === undefined ? '' : decodeFormValue(written.slice(2))
      if (user) return { asks: 'quota', user }
      return unanswerable(400, user === '' ? 'u=USER is missing' : 'u is malformed')
    }
    case '/health':
      return { asks: 'health' }
    case '/metrics':
      return { asks: 'metrics' }
    default:
      return unanswerable(404, 'page not found')
  }
}

/** Decodes a value of a form (application/x-www-form-urlencoded). Undefined if it is malformed. */
function decodeFormValue(written: string): string | undefined {
  const plain = written.replaceAll('+', ' ')
  if (/%(?![\da-f]{2})/i.test(plain)) return undefined
  return plain.replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function unanswerable(status: 400 | 404 | 405, text: string): HttpQuestion {
  return { asks: 'nothing', status, text }
}

/** The status and the body of a reply, in latin1. */
export interface HttpReply {
  readonly status: number
  readonly text: string
}

/**
 * Returns `OK user size quota` or `OVERQUOTA user size quota`, in bytes. An unlimited quota is 0.
 * Size and quota are both 0 if another service compared them and did not report them.
 */
export function httpReply(user: string, answer: QuotaAnswer): HttpReply {
  switch (answer.status) {
    case 'room':
    case 'full': {
      const word = answer.status === 'room' ? 'OK' : 'OVERQUOTA'
      const { size = 0, quota = 0 } = answer.usage ?? {}
      return { status: 200, text: `${word} ${user} ${size} ${quota}\n` }
    }
    case 'no-such-user':
      return { status: 404, text: 'no such user\n' }
    case 'unknown':
      return { status: 503, text: 'unknown; the log shows the reason\n' }
  }
}

const meanings: Readonly<Record<string, QuotaAnswer['status']>> = {
  OK: 'room',
  OVERQUOTA: 'full',
}

/**
 * Reads the body of an HTTP answer, `OK user size quota` or `OVERQUOTA user size quota`. Undefined
 * for anything else.
 */
export function readBody(text: string, user: string): QuotaAnswer | undefined {
  const words = text.replace(/\r?\n$/, '').split(' ')
  return words.length === 4 ? readAnswerWords(words, user, meanings) : undefined
}

/**
 * Returns whether a 404 means that there is no such page, rather than no such user. Web servers send an HTML
 * page, and onescan-quotad sends "page not found".
 */
export function isPageMissing(contentType: string | undefined, text: string | undefined): boolean {
  if (text === undefined || /html/i.test(contentType ?? '')) return true
  return /^\s*(?:<|(?:404 )?page not found|cannot get )/i.test(text)
}
