import { type IncomingMessage, request } from 'node:http'
import { readForeignFile } from '../../ground/path/read.ts'

/** Milliseconds within which an answer must begin. */
const PATIENCE = 10_000
/** The most characters of an event: the decisions of a second, some 5,000. */
const EVENT_MAX = 16 * 1024 * 1024
/** The most characters of an answer: a day and the last decisions have some 400,000. */
const ANSWER_MAX = 16 * 1024 * 1024

/** The HTTP server of an onescand. */
export interface LiveServer {
  /** The address as the user wrote it. */
  readonly text: string
  /** For node:http's request(). */
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * Reads the address of a server, `http://127.0.0.1:9808`, `inet:127.0.0.1:9808` or
 * `unix:/run/onescand/http.sock`, and the token in a file, if there is one. Throws for anything
 * else.
 */
export function readLiveServer(text: string, tokenFile: string | undefined): LiveServer {
  const token = tokenFile && readForeignFile(tokenFile).toString('latin1').trim()
  const headers = token ? { Authorization: `Bearer ${token}`, Host: 'localhost' } : { Host: 'localhost' } // biome-ignore format: two ways
  const [, path] = /^unix:(\/.+)$/s.exec(text) ?? []
  if (path !== undefined) return { text, options: { socketPath: path, headers } }
  const address = text.replace(/^inet6?:/, 'http://')
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol === 'http:' && url.hostname !== '') {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    return { text, options: { host, port: url.port || 80, headers } }
  }
  throw new Error(`${text}: must be http://ADDRESS:PORT or unix:PATH, as onescand --http has it`)
}

/** Asks for a path, and resolves with the answer, which is JSON. Rejects if there is none. */
export async function getJson(server: LiveServer, path: string): Promise<unknown> {
  const response = await get(server, path)
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += chunk
    if (text.length > ANSWER_MAX) throw new Error(`${server.text}: an answer without an end`)
  }
  return JSON.parse(text)
}

/** Yields server-sent events until the server closes the connection. */
export async function* eventsOf(
  server: LiveServer,
  path: '/events' | '/decisions' = '/events',
): AsyncGenerator<unknown> {
  const response = await get(server, path)
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end)
      text = text.slice(end + 2)
      if (event.startsWith('data: ')) yield JSON.parse(event.slice('data: '.length))
    }
    if (text.length > EVENT_MAX) throw new Error(`${server.text}: an event without an end`)
  }
}

function get({ text, options }: LiveServer, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...options, path, agent: false }, (response) => {
      asked.setTimeout(0)
      if (response.statusCode === 200) return resolve(response)
      const remedy = response.statusCode === 401 ? '; give --token FILE' : ''
      response.resume()
      reject(new Error(`${text}: answered ${response.statusCode}${remedy}`))
    })
    asked.setTimeout(PATIENCE, () => asked.destroy(new Error('no answer in time')))
    asked.on('error', (error) => {
      reject(new Error(`${text}: ${error.message}; is there an onescand --http?`))
    })
    asked.end()
  })
}
