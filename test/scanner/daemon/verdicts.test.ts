import { writeFileSync } from 'node:fs'
import t from 'tap'
import { startStore, storeMissing } from '../../programs/servers/store-server.ts'
import { type Asked, DATABASE, numbered, standIn } from '../scan/scanners/clamd/stand-in.ts'
import { type RunningDaemon, runtimes, startOnescand } from './process.ts'

/** The processes of one onescand share what they know. */

const letter = (n: number, body = 'Hello') =>
  Buffer.from(`Date: ${n}\nTo: <${n}@example.org>\nFrom: news@example.com\n\n${body}\n`)

t.test('a thousand copies through three processes are a scan for each at most', async (t) => {
  let scans = 0
  const scan = (asked: Asked) => {
    if (!asked.message.includes('Hello')) return numbered('stream: OK')(asked)
    scans++
    setTimeout(() => numbered('stream: OK')(asked), 200)
  }
  const clamd = await standIn(t, scan, { version: () => 'ClamAV 1.4.3' })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: DATABASE }
  const onescand = await startOnescand(t, { settings, args: ['--workers', '3'] })
  // After these messages all processes know clamd's signatures. Before that copies are scanned.
  const others = Array.from({ length: 48 }, (_, n) => letter(n, `No copy: ${n}`))
  for (let at = 0; at < others.length; at += 8) {
    const some = others.slice(at, at + 8)
    await Promise.all(some.map((message) => onescand.ask({ message, variables: settings })))
  }
  const answers = new Set<string>()
  let n = 0
  const clients = Array.from({ length: 8 }, async () => {
    while (n < 1000) {
      const { does, log } = await onescand.ask({ message: letter(n++), variables: settings })
      t.equal(does, 'hand on')
      answers.add(/ scan=(\w+)/.exec(log)?.[1] ?? '')
    }
  })
  await Promise.all(clients)
  t.same([...answers].sort(), ['cached', 'clean'])
  t.ok(scans >= 1 && scans <= 3, `${scans} scans`)
})

for (const { name, program } of runtimes) {
  t.test(`two daemons share a store, ${name}`, { skip: storeMissing }, async (t) => {
    const store = await startStore(t)
    const clamd = await standIn(t, numbered('stream: OK'), { version: () => 'ClamAV 1.4.3' })
    const ring = `${t.testdir({})}/ring`
    const secret = Buffer.alloc(32, 7).toString('base64url')
    writeFileSync(ring, `hmac-sha256:alpha:${secret}\n`, { mode: 0o600 })
    const settings = {
      QHPSI: 'plugin: clamd',
      CLAMD: clamd.socket,
      CLAMDBDIR: DATABASE,
      CLUSTERKEYS: ring,
      VERDICTS: `unix:${store.socket}`,
    }
    const send = async (n: number, { ask }: RunningDaemon) => {
      const { does, log } = await ask({ message: letter(n), variables: { QHPSI: settings.QHPSI } })
      t.equal(does, 'hand on')
      return / scan=(\w+)/.exec(log)?.[1]
    }
    const daemons = await Promise.all([1, 2].map(() => startOnescand(t, { program, settings })))
    const named = () => store.say('client', 'list').match(/name=onescand/g)?.length ?? 0
    while (named() < 2) await new Promise((resolve) => setTimeout(resolve, 20))
    t.equal(await send(1, daemons[0]!), 'clean')
    while (store.say('dbsize') !== '1') await new Promise((resolve) => setTimeout(resolve, 20))
    t.equal(await send(2, daemons[1]!), 'cached')
  })
}
