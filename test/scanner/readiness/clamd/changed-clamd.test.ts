import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ClamdWatch } from '../../../../src/scanner/readiness/clamd/clamd-watch.ts'
import { formsMissedBy } from '../../../../src/scanner/readiness/clamd/form-probes.ts'
import { readClamdAddress } from '../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import type { ExtractionEvent } from '../../../../src/scanner/scan/scanners/clamd/extracted-forms.ts'
import { askClamd } from '../../../../src/scanner/scan/scanners/clamd/session-pool.ts'
import { listen } from '../../../programs/host/listen.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { until } from '../../../run/until.ts'
import { clamdSettings } from '../../scan/scanners/clamd/task.ts'

/** What clamd extracts, if that changes after it was shown, or while it is. */

/** Watches a clamd while mail comes, as onescand does, with shorter rounds. */
async function watch(t: Test, address: string) {
  const events: ExtractionEvent[] = []
  const log: string[] = []
  const watching = new ClamdWatch(
    () => clamdSettings(address),
    (line) => log.push(line),
    { every: 20, onExtraction: (event) => events.push(event), isWanted: () => true },
  )
  t.teardown(() => watching.close())
  await watching.asked
  return { events, log }
}

async function reload(socket: string): Promise<void> {
  const client = connect(socket)
  client.write('zRELOAD\0')
  await once(client, 'data')
  client.destroy()
}

/** The connections between a client and a clamd, by an address of their own. */
interface Proxy {
  readonly path: string
  /** The clamd to which new connections go. */
  clamd: string
  /** Changes each answer of clamd, or withholds it. */
  answer: (bytes: Buffer) => Buffer | undefined
}

async function startProxy(t: Test, clamd: string): Promise<Proxy> {
  const path = join(socketDirectory(t), 'proxy')
  const proxy: Proxy = { path, clamd, answer: (bytes) => bytes }
  const server = createServer((client) => {
    const upstream = connect(proxy.clamd)
    client.pipe(upstream)
    upstream.on('data', (bytes) => void client.write(proxy.answer(bytes) ?? ''))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy()).on('error', () => {})
  })
  await listen(t, server, path)
  return proxy
}

t.test(
  'a clamd that loads a setting with its signatures, and opens no mail, is asked about each part',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax: true })
    const version = () =>
      askClamd(readClamdAddress(clamd.socket), 'VERSION', AbortSignal.timeout(10_000))
    const before = await version()
    const { events } = await watch(t, clamd.socket)
    t.match(events, [{ isShown: true }])
    writeFileSync(join(clamd.directory, 'db', 'site.cfg'), 'MAIL:0x0:1:255\n')
    await reload(clamd.socket)
    await until(() => !events.at(-1)!.isShown, 'a round that notices it')
    t.same(await version(), before, 'although it names the same signatures')
    const count = events.length
    await until(() => events.length > count + 5, 'more rounds')
    t.notOk(events.slice(count).some(({ isShown }) => isShown))
  },
)

t.test(
  'a proxy that passes new connections to another clamd, and keeps the old ones, is noticed',
  { skip: clamdMissing },
  async (t) => {
    const good = await startClamd(t, { alertExceedsMax: true })
    const others = { 'opens no mail': { scanMail: false, alertExceedsMax: true }, 'is lax': {} }
    for (const [what, options] of Object.entries(others)) {
      const other = await startClamd(t, options as Parameters<typeof startClamd>[1])
      const proxy = await startProxy(t, good.socket)
      const { events } = await watch(t, proxy.path)
      t.match(events, [{ isShown: true }])
      proxy.clamd = other.socket
      await until(() => !events.at(-1)!.isShown, `a round with one that ${what}`)
      await other.stop()
    }
  },
)

t.test('an error of clamd proves nothing about a form', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const proxy = await startProxy(t, clamd.socket)
  const missed = (milliseconds: number) => {
    const server = new ClamdServer(readClamdAddress(proxy.path), { lasting: false })
    return formsMissedBy(server, AbortSignal.timeout(milliseconds))
  }
  t.same(await missed(30_000), [])
  let answers = 0
  const afterSome = (answer: (bytes: Buffer) => Buffer | undefined) => (bytes: Buffer) => {
    return ++answers > 5 ? answer(bytes) : bytes
  }
  const error = 'stream: COMMAND READ TIMED OUT. ERROR'
  const asError = (bytes: Buffer) =>
    Buffer.from(bytes.toString('latin1').replace(/stream: [^\0]*/, error), 'latin1')
  proxy.answer = afterSome(asError)
  t.equal(await missed(30_000), undefined, 'an answer that is none')
  answers = 0
  proxy.answer = afterSome(() => undefined)
  t.equal(await missed(500), undefined, 'no answer in time')
})

t.test(
  'while clamd loads signatures, all forms are shown or none are',
  { skip: clamdMissing },
  async (t) => {
    const line = (n: number) => `S${n}:0:*:${n.toString(16).padStart(24, '0')}\n`
    const many = Array.from({ length: 30_000 }, (_, n) => line(n + 1)).join('')
    const clamd = await startClamd(t, { alertExceedsMax: true, database: { 'many.ndb': many } })
    const server = new ClamdServer(readClamdAddress(clamd.socket), { lasting: false })
    for (let count = 0; count < 5; count++) {
      await reload(clamd.socket)
      const missed = await formsMissedBy(server, AbortSignal.timeout(30_000))
      t.same(missed ?? [], [])
    }
  },
)

t.test('without EICAR, clamd is not used', { skip: clamdMissing }, async (t) => {
  const database = { 'x.ndb': 'Other:0:*:00010203040506070809\n' }
  const clamd = await startClamd(t, { alertExceedsMax: true, database })
  const { events, log } = await watch(t, clamd.socket)
  t.match(events[0], { isShown: false })
  t.match(log[0], /EICAR: is reported as clean: this server is not used/)
})
