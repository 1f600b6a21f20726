import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Test } from 'tap'
import { buildStage } from '../../../cases/stage.ts'
import { type RunningNext, startNext } from '../../doors/smtp/next-server.ts'
import { makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import type { DaemonSetup } from '../process.ts'
import { type Served, serve } from './rig.ts'

/** The token of ann. */
export const TOKEN = 'a-token-of-ann-0123456789'

export interface ApiReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects in it
  readonly json: any
}

export interface ServedApi extends Served {
  readonly directory: string
  readonly next: RunningNext
  /** The file of --http-quarantine. */
  readonly tokens: string
  /** Sends a request as ann, with this body. */
  call(
    method: string,
    path: string,
    more?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<ApiReply>
  /** Releases a message, with an Idempotency-Key of its own unless one is given. */
  release(id: string, body?: unknown, key?: string): Promise<ApiReply>
}

/** Starts onescand with a quarantine, a release key, the API, and a next server for releases. */
export async function serveApi(
  t: Test,
  { tokens: lines, ...setup }: DaemonSetup & { readonly tokens?: string } = {},
): Promise<ServedApi> {
  const stage = buildStage(t)
  const directory = setup.settings?.QUARANTINE ?? makeQuarantine(t)
  const next = await startNext(t)
  const ring = `hmac-sha256:mx1:${Buffer.alloc(32, 1).toString('base64url')}:release\n`
  const persons = `# persons\nann ${TOKEN}\nben the-token-of-ben-0123456789\neve the-token-of-eve-0123456789\n`
  const tokens = stage.file('tokens', lines ?? persons, 0o600)
  const served = await serve(t, {
    ...setup,
    args: [
      '--http-quarantine',
      tokens,
      '--http-release',
      `127.0.0.1:${next.port}`,
      ...(setup.args ?? []),
    ],
    settings: {
      QUARANTINE: directory,
      CLUSTERKEYS: stage.file('ring', ring, 0o600),
      ...setup.settings,
    },
  })
  const call: ServedApi['call'] = async (method, path, { body, headers = {} } = {}) => {
    const all = { Authorization: `Bearer ${TOKEN}`, ...headers }
    const reply = await ask(served.port, method, `/quarantine/v1/${path}`, body, all)
    t.equal(
      faultOf(method, path, reply),
      '',
      `${method} ${path}: as doc/quarantine-api.json states`,
    )
    return reply
  }
  return {
    ...served,
    directory,
    next,
    tokens,
    call,
    release: (id, body = {}, key = randomUUID()) =>
      call('POST', `messages/${id}/release`, { body, headers: { 'Idempotency-Key': key } }),
  }
}

/** An operation of doc/quarantine-api.json, with what the test needs of it. */
interface Described {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>
      }
    >
  >
}

/** The API as doc/quarantine-api.json describes it. */
export const described = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../doc/quarantine-api.json'), 'utf8'),
) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
ajv.addSchema(described, 'api')

/** Returns in what a reply differs from the description, or ''. A path or method that is not in it may have a problem. */
function faultOf(method: string, path: string, { status, headers, json }: ApiReply): string {
  const [plain = ''] = `/${path}`.split('?')
  const form =
    plain in described.paths ? plain : plain.replace(/^\/messages\/[^/]+/, '/messages/{id}')
  const operation = described.paths[form]?.[method.toLowerCase()]
  if (operation !== undefined && !(status in operation.responses)) return `status ${status}`
  const content = operation?.responses[status]?.content
  if (content?.['message/rfc822'])
    return headers['content-type'] === 'message/rfc822' ? '' : 'no message'
  const schema =
    status < 400 ? content?.['application/json']?.schema.$ref : '#/components/schemas/Problem'
  const type = status < 400 ? 'application/json' : 'application/problem+json'
  if (schema === undefined || headers['content-type'] !== type)
    return `${status} ${headers['content-type']}`
  const validate = ajv.getSchema(`api${schema}`)!
  return validate(json) ? '' : ajv.errorsText(validate.errors)
}

/** Sends a request with a body in JSON, or with a text as it is. */
export function ask(
  port: number,
  method: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<ApiReply> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false })
    asked.on('error', reject)
    asked.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = /json/.test(response.headers['content-type'] ?? '')
        const json = isJson ? JSON.parse(text) : undefined
        resolve({ status: response.statusCode!, headers: response.headers, text, json })
      })
    })
    asked.end(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body))
  })
}
