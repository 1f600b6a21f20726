import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { hasBody } from '../../ground/net/http-server.ts'

/** Milliseconds for an answer to be taken. */
const TAKE_TIME = 10_000
/** Bytes of an answer from which compressing is worth it. */
const COMPRESSED_FROM = 1024

/**
 * Headers of every answer. The page loads nothing from elsewhere and nothing inline, and stands in
 * no frame: CSP Level 3.
 */
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

/** A body that was compressed once for all who get it. */
export interface PackedBody {
  readonly plain: Buffer
  readonly gzip: Buffer
}

export function pack(text: string): PackedBody {
  const plain = Buffer.from(text)
  return { plain, gzip: gzipSync(plain) }
}

/** Sends an answer, compressed if the client takes that. To HEAD it has no body. */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  body: string | PackedBody,
): void {
  const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  const isText = typeof body === 'string'
  const plain = isText ? Buffer.from(body) : body.plain
  const isPacked = takesGzip && plain.length >= COMPRESSED_FROM
  const bytes = isPacked ? (isText ? gzipSync(plain) : body.gzip) : plain
  response.writeHead(status, {
    ...HEADERS,
    'Content-Type': type,
    'Content-Length': bytes.length,
    Vary: 'Accept-Encoding',
    ...(isPacked && { 'Content-Encoding': 'gzip' }),
    ...(hasBody(request) && { Connection: 'close' }),
  })
  response.setTimeout(TAKE_TIME, () => response.destroy())
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

export function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
): void {
  sendAnswer(request, response, status, 'text/plain; charset=utf-8', text)
}

/** Begins a stream of events for a client, which `join` takes; says so if there are too many. */
export function startEvents(
  request: IncomingMessage,
  response: ServerResponse,
  join: (response: ServerResponse) => boolean,
): void {
  const headers = Object.entries({ ...HEADERS, 'Content-Type': 'text/event-stream' })
  for (const [name, value] of headers) response.setHeader(name, value)
  if (request.method === 'HEAD') response.end()
  else if (!join(response)) sendText(request, response, 503, 'too many are told already\n')
}
