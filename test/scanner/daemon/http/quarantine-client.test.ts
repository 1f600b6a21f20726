import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { operations } from '../../../../src/scanner/desk/api-answer.ts'
import {
  PROBLEM_TYPES,
  type ProblemType,
  problemType,
  reasonAndRemedy,
} from '../../../../src/scanner/protocol/quarantine-api/problems.ts'
import { lacks } from '../../../needs.mjs'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import { keepOne } from '../../scan/quarantine/quarantined.ts'
import { type ApiReply, described, type ServedApi, serveApi, TOKEN } from './quarantine-rig.ts'

/** The quarantine over HTTP, for programs that know its description alone, and as the page describes its use. */

becomePlain()

const run = promisify(execFile)

t.test('the description has the operations and problems of the code', async (t) => {
  const inCode = Object.entries(operations).map(([path, methods]) => [
    `/${path}`,
    Object.keys(methods),
  ])
  const inFile = Object.entries(described.paths).map(([path, methods]) => [
    path,
    Object.keys(methods)
      .filter((name) => name !== 'parameters')
      .map((name) => name.toUpperCase()),
  ])
  t.same(inFile, inCode)
  const { type, code } = (
    described.components.schemas.Problem as {
      properties: Record<'type' | 'code', { enum: string[] }>
    }
  ).properties
  t.same(code.enum, PROBLEM_TYPES)
  t.same(type.enum, [...new Set(PROBLEM_TYPES.map(problemType))])
})

t.test('what a person can do about a problem stands after its reason', async (t) => {
  const said = (code: ProblemType, by: 'api' | 'command') => reasonAndRemedy(code, 'x', by)
  for (const code of ['disk-full', 'damaged', 'refused', 'busy'] as const) {
    t.match(said(code, 'api'), /^x; \w+/, code)
    t.match(said(code, 'command'), /^x; \w+/, code)
  }
  for (const code of ['not-allowed', 'for-others', 'late', 'overload'] as const)
    t.match(said(code, 'api'), /^x; \w+/, code)
})

type Values = Readonly<Record<string, string>>

/** A client with a function for each operation of the description. */
function generateClient({
  call,
}: ServedApi): Record<string, (values?: Values, body?: unknown) => Promise<ApiReply>> {
  const made = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== 'parameters')
      .map(([method, { operationId, parameters = [] }]) => {
        const operation = (values: Values = {}, body?: unknown) => {
          const of = (place: string) =>
            parameters.filter((one) => one.in === place && one.name in values)
          const query = new URLSearchParams(
            of('query').map(({ name }): [string, string] => [name, values[name]!]),
          )
          const headers = Object.fromEntries(of('header').map(({ name }) => [name, values[name]!]))
          const filled = path.replace('{id}', values.id ?? '').slice(1)
          return call(method.toUpperCase(), query.size > 0 ? `${filled}?${query}` : filled, {
            body,
            headers,
          })
        }
        return [operationId, operation] as const
      }),
  )
  return Object.fromEntries(made)
}

t.test('a client made from the description can do all', { skip: lacks('the addon') }, async (t) => {
  const api = await serveApi(t)
  const client = generateClient(api)
  const id = await keepOne(api.directory, Date.now(), { sender: 'needle@example.net' })
  await keepOne(api.directory, Date.now())
  const { json: page } = await client.list!({ search: 'needle', limit: '10' })
  t.same(
    page.messages.map((message: { id: string }) => message.id),
    [id],
  )
  t.same((await client.count!({ search: 'needle' })).json, { count: 1, isComplete: true })
  t.equal((await client.show!({ id })).json.sender, 'needle@example.net')
  t.equal((await client.parts!({ id })).status, 200)
  const key = { id, 'Idempotency-Key': randomUUID() }
  const released = await client.release!(key, { to: ['x@example.org'] })
  t.match(released.json, { released: true, recipients: ['x@example.org'] })
  t.same((await client.release!(key, { to: ['x@example.org'] })).json, released.json)
  t.equal((await client.remove!({ id })).status, 200)
  t.equal((await client.show!({ id })).status, 404)
})

t.test(
  'the commands of the page do what it describes',
  { skip: lacks('curl', 'the addon') },
  async (t) => {
    const api = await serveApi(t)
    const page = readFileSync(join(import.meta.dirname, '../../../../doc/quarantine.md'), 'utf8')
    const commands = [...page.matchAll(/^curl -H "Authorization(?:.*\\\n)?.*$/gm)].map(
      ([line]) => line,
    )
    const id = await keepOne(api.directory, Date.now())
    const answers: unknown[] = []
    for (const command of commands) {
      const env = { ...process.env, TOKEN, URL: `http://127.0.0.1:${api.port}/quarantine/v1` }
      const { stdout } = await run('sh', ['-c', `${command.replace('/ID', `/${id}`)} -s`], { env })
      answers.push(JSON.parse(stdout))
    }
    t.match(answers, [{ released: true, recipients: ['ann@example.org'] }])
  },
)
