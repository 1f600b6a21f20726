import type { QuotaAnswer } from '../ask/quota-answer.ts'

/** What an HTTP request asks for. */
export type HttpQuestion =
  | { readonly asks: 'quota'; readonly user: string }
  | { readonly asks: 'health' | 'metrics' }
  /** The request cannot be answered; `status` and `text` are the reply. */
  | { readonly asks: 'nothing'; readonly status: 400 | 404 | 405; readonly text: string }

/** Reads method and target of a request. The user is latin1, one character for each byte. */
export function readRequest(method: string, target: string): HttpQuestion {
  if (method !== 'GET' && method !== 'HEAD') return unanswerable(405, 'only GET and HEAD')
  const [path, query = ''] = target.split('?', 2)
  switch (path) {
    case '/cgi-bin/quota.cgi': {
      const written = query.split('&').find((field) => field.startsWith('u='))
      const user = written === undefined ? '' : decodeFormValue(written.slice(2))
      if (user) return { asks: 'quota', user }
      return unanswerable(400, user === '' ? 'u=USER is missing' : 'u is not well written')
    }
    case '/health':
      return { asks: 'health' }
    case '/metrics':
      return { asks: 'metrics' }
    default:
      return unanswerable(404, 'nothing here')
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
 * Size and quota are both 0 if another service compared them and did not tell them.
 */
export function replyFor(user: string, answer: QuotaAnswer): HttpReply {
  switch (answer.answer) {
    case 'room':
    case 'full': {
      const word = answer.answer === 'room' ? 'OK' : 'OVERQUOTA'
      const { size = 0, quota = 0 } = answer.usage ?? {}
      return { status: 200, text: `${word} ${user} ${size} ${quota}\n` }
    }
    case 'no-such-user':
      return { status: 404, text: 'no such user\n' }
    case 'unknown':
      return { status: 503, text: 'could not tell; the log says why\n' }
  }
}
