import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FAULT_KINDS } from '../../../src/ground/errors/fault.ts'
import { GROUNDS } from '../../../src/judge/decision.ts'
import type { ProcessReport } from '../../../src/observe/live/process-report.ts'
import { CAUSES } from '../../../src/scan/shared/cause.ts'
import { freePort } from '../../programs/free-port.ts'
import { socketDirectory } from '../../programs/socket-directory.ts'
import { runtimes as onNode, startOnescand } from '../daemon/process.ts'
import { call, framesOf } from '../warm/client.ts'
import { get, metric, serve, until } from './rig.ts'

/** onescand --http: metrics, health and who may see them. */

const compiled = join(import.meta.dirname, '../../../build/native/onescand')
const runtimes = existsSync(compiled)
  ? [...onNode, { name: 'compiled', program: [compiled] }]
  : onNode

for (const { name, program } of runtimes) {
  t.test(`metrics are summed over all workers, ${name}`, async (t) => {
    const served = await serve(t, { program, args: ['--workers', '3'] })
    const mails = Array.from({ length: 40 }, (_, n) => served.send({ eicar: n % 4 === 0 }))
    await Promise.all(mails)
    const count = (text: string) =>
      metric(text, 'onescan_messages_total', { door: 'slot', decision: 'accept', grounds: 'none' })
    const look = async () => (await served.get('/metrics')).text
    const all = (text: string) => count(text) === 30 && metric(text, 'onescan_processes') === 3
    const text = await until(look, all)
    t.equal(metric(text, 'onescan_verdicts_total', { scan: 'infected' }), 10)
    t.equal(metric(text, 'onescan_scans_total', { scanner: 'eicar', answer: 'clean' }), 30)
    t.equal(metric(text, 'onescan_scan_seconds_count'), 40)
    t.equal(metric(text, 'onescan_message_bytes_count'), 40)
    t.notMatch(text, /\{.*Eicar-Test.*\}/i, 'no virus is a label')
  })

  t.test(`health is what became of a real clean message and a real EICAR, ${name}`, async (t) => {
    const served = await serve(t, { program })
    const healthy = await until(
      () => served.get('/healthz'),
      ({ status }) => status === 200,
    )
    t.equal(healthy.text, 'a clean message is clean, EICAR is found\n')
    t.match(await served.get('/readyz'), { status: 200, text: 'serving\n' })
    const text = (await served.get('/metrics')).text
    t.equal(metric(text, 'onescan_trial_ok'), 1)
  })
}

t.test('a message that clamd scans is shown in the metrics and on the page', async (t) => {
  const clamd = createServer((socket) => socket.on('error', () => {}).resume()) // never answers
  const path = join(socketDirectory(t), 'clamd')
  clamd.listen(path)
  await once(clamd, 'listening')
  t.teardown(() => clamd.close())
  const settings = { QHPSI: 'plugin: clamd', CLAMD: path }
  const served = await serve(t, { settings })
  const asked = served.ask({ variables: { QHPSI: 'plugin: clamd' } }).catch(() => {})
  const look = async () => (await served.get('/metrics')).text
  const text = await until(look, (text) => metric(text, 'onescan_judging') === 1)
  t.ok(metric(text, 'onescan_clamd_sessions', { server: path }) >= 1)
  const { underway } = JSON.parse((await served.get('/data.json')).text)
  t.match(underway, [{ door: 'slot', from: 'a@example.org' }])
  served.child.kill('SIGKILL')
  await asked
})

t.test('onescand that does not scan is not healthy, and says why', async (t) => {
  const nothing = await serve(t, { settings: { QHPSI: '' } })
  const why = (answer: { text: string }) => !/not been tried/.test(answer.text)
  t.match(await until(() => nothing.get('/healthz'), why), {
    status: 503,
    text: 'QHPSI is not set',
  })
  const blind = await serve(t, { settings: { QHPSI: '/bin/true %s' } })
  t.match(await until(() => blind.get('/healthz'), why), {
    status: 503,
    text: 'EICAR came out as clean\n',
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: '/nonexistent/clamd' }
  const down = await serve(t, { settings })
  t.match(await until(() => down.get('/healthz'), why), {
    status: 503,
    text: /clean message.*EICAR/,
  })
  const look = async () => (await down.get('/metrics')).text
  const text = await until(look, (text) => text.includes('onescan_clamd_up{'))
  t.equal(metric(text, 'onescan_clamd_up', { server: '/nonexistent/clamd' }), 0)
})

t.test('clients that got no answer are counted', async (t) => {
  const served = await serve(t, { args: ['--workers', '2'] })
  const other = await served.ask({ variables: { QHPSI: 'plugin: clamd' } })
  t.equal(other.does, 'go cold', other.why)
  const impatient = await call(served.socket)
  // All but its end: it hangs up while onescand waits for that.
  impatient.end(Buffer.concat(framesOf({ variables: { QHPSI: 'plugin: eicar' } }).slice(0, -1)))
  await once(impatient.resume(), 'close')
  await served.send()
  const look = async () => (await served.get('/metrics')).text
  const cold = (how: string) => (text: string) => metric(text, 'onescan_slot_cold_total', { how })
  const answered = (text: string) => metric(text, 'onescan_verdicts_total', { scan: 'clean' }) === 1
  const text = await until(
    look,
    (text) => answered(text) && cold('told')(text) === 1 && cold('left')(text) === 1,
  )
  t.equal(metric(text, 'onescan_messages_total', { door: 'slot', decision: 'accept' }), 1)
})

t.test('a refused recipient is not counted as a message', async (t) => {
  const { createMetrics } = await import('../../../src/observe/live/metrics.ts')
  const { createHistory } = await import('../../../src/observe/live/history.ts')
  const { createLineViewer } = await import('../../../src/observe/live/line-view.ts')
  const metrics = createMetrics('1', 0)
  const history = createHistory()
  const line = 'onescan: decision=defer quota=full reply=452 door=policy to=<full@example.org>'
  const view = createLineViewer()(line)
  metrics.message(view)
  history.add(line, view, 0)
  const standing = { processes: [], clamds: [], trial: undefined, spool: undefined }
  const text = await metrics.text({
    ...standing,
    memoryLimit: 1,
    workers: { replaced: 0, held: 0, late: [] },
    now: 0,
  })
  t.equal(metric(text, 'onescan_recipients_total', { door: 'policy', quota: 'full' }), 1)
  t.equal(metric(text, 'onescan_messages_total', { door: 'policy' }), 0)
  t.same(history.steps(0)[0]?.decisions, {})
  t.equal(history.decided.length, 1)
})

t.test(
  'every ground, kind of fault and cause is a value of its label, whatever the reason says',
  async (t) => {
    const { createMetrics } = await import('../../../src/observe/live/metrics.ts')
    const metrics = createMetrics('1', 0)
    for (const grounds of GROUNDS) {
      const fields = { decision: 'reject', grounds, door: 'milter' }
      metrics.message({ value: (name) => fields[name as keyof typeof fields] })
    }
    for (const fault of FAULT_KINDS) {
      const fields = { decision: 'defer', fault }
      metrics.message({ value: (name) => fields[name as keyof typeof fields] })
    }
    for (const cause of CAUSES) {
      const fields = { decision: 'defer', scan: 'unknown', cause, reason: 'no answer in time' }
      metrics.message({ value: (name) => fields[name as keyof typeof fields] })
    }
    const standing = { processes: [], clamds: [], trial: undefined, spool: undefined }
    const text = await metrics.text({
      ...standing,
      memoryLimit: 1,
      workers: { replaced: 0, held: 0, late: [] },
      now: 0,
    })
    for (const grounds of GROUNDS) {
      t.equal(metric(text, 'onescan_messages_total', { grounds }), 1, grounds)
    }
    for (const fault of FAULT_KINDS)
      t.equal(metric(text, 'onescan_faults_total', { fault }), 1, fault)
    for (const cause of CAUSES) {
      t.equal(metric(text, 'onescan_could_not_tell_total', { cause }), 1, cause)
    }
  },
)

t.test(
  'reports of workers about store and poison are counted, also after a worker starts anew',
  async (t) => {
    const { createMetrics } = await import('../../../src/observe/live/metrics.ts')
    const metrics = createMetrics('1', 0)
    const none = { known: 0, waited: 0, late: 0, errors: 0, dropped: 0 }
    const told = (asked: number, published: number, trouble?: string): ProcessReport => ({
      kind: 'report',
      at: 0,
      lines: [],
      lost: 0,
      cold: { told: 0, left: 0 },
      underway: [],
      judging: 0,
      doors: {},
      servers: {},
      quota: undefined,
      sharing: { counters: { ...none, asked, published }, trouble, unpublished: 2 },
      poisoned: { isolated: asked, heldBack: published },
    })
    const steps = [told(5, 1), told(8, 2), told(3, 0, 'away')]
    for (const [index, step] of steps.entries()) metrics.report(step, steps[index - 1])
    const standing = {
      clamds: [],
      trial: undefined,
      spool: undefined,
      memoryLimit: 1,
      workers: { replaced: 0, held: 0, late: [] },
      now: 1,
    }
    const text = await metrics.text({ ...standing, processes: [steps[1]!, steps[2]!] })
    t.equal(metric(text, 'onescan_store_total', { event: 'asked' }), 11)
    t.equal(metric(text, 'onescan_store_total', { event: 'published' }), 2)
    t.equal(metric(text, 'onescan_poison_total', { event: 'isolated' }), 11)
    t.equal(metric(text, 'onescan_poison_total', { event: 'held_back' }), 2)
    t.match(text, /^onescan_store_ok 0$/m)
    t.match(text, /^onescan_store_unpublished 4$/m)
    t.match(await metrics.text({ ...standing, processes: [steps[1]!] }), /^onescan_store_ok 1$/m)
    t.match(await metrics.text({ ...standing, processes: [] }), /^onescan_store_ok Nan$/im)
  },
)

t.test('labels are bounded whatever the log holds', async (t) => {
  const { createMetrics } = await import('../../../src/observe/live/metrics.ts')
  const metrics = createMetrics('1', 0)
  for (let n = 0; n < 1000; n++) {
    const fields = new Map([
      ['decision', `d${n}`],
      ['grounds', `g${n}`],
      ['door', `o${n}`],
      ['scan', 'clean'],
      ['scanner', `s${n}"\n{}`.slice(0, n % 2 === 0 ? 3 : 20)],
      ['key', `k${n}`],
      ['fault', `f${n}`],
      ['scan_ms', 'NaN'],
    ])
    metrics.message({ value: (name) => fields.get(name) })
  }
  const standing = { processes: [], clamds: [], trial: undefined, spool: undefined }
  const text = await metrics.text({
    ...standing,
    memoryLimit: 1,
    workers: { replaced: 0, held: 0, late: [] },
    now: 0,
  })
  t.ok(text.split('\n').length < 500, `${text.split('\n').length} lines`)
})

for (const { name, program } of runtimes) {
  t.test(`a request for another name that leads to this address is refused, ${name}`, async (t) => {
    const served = await serve(t, { program })
    for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '10.0.0.1']) {
      t.equal((await served.get('/metrics', { Host: host })).status, 421, host)
    }
    for (const host of ['localhost', `127.0.0.1:${served.port}`, '[::1]:1', 'LOCALHOST:9']) {
      t.equal((await served.get('/readyz', { Host: host })).status, 200, host)
    }
  })
}

t.test('addresses that other hosts reach need a token, which each request must give', async (t) => {
  const token = 'a-token-of-some-length'
  const file = join(t.testdir({ token: `${token}\n`, short: 'short' }), 'token')
  chmodSync(file, 0o640)
  await refusedPage(t, ['--http', 'inet:0.0.0.0:9'], /--http 0\.0\.0\.0: .*; give --http-token/)
  const served = await serve(t, { args: ['--http-token', file] })
  const asked = await served.get('/metrics')
  t.match(asked, { status: 401, headers: { 'www-authenticate': 'Basic realm="onescand"' } })
  const given = async (authorization: string) =>
    (await served.get('/readyz', { Authorization: authorization })).status
  t.equal(await given(`Bearer ${token}`), 200)
  t.equal(await given(`Basic ${Buffer.from(`any:${token}`).toString('base64')}`), 200)
  t.equal(await given(`Bearer ${token}x`), 401)
  t.equal(await given('Bearer'), 401)
  chmodSync(file, 0o644)
  const here = ['--http', `inet:127.0.0.1:${await freePort()}`, '--http-token']
  await refusedPage(t, [...here, file], /mode 0644 lets everyone read it; chmod 640 it/)
  const short = join(file, '../short')
  chmodSync(short, 0o640)
  await refusedPage(t, [...here, short], /must hold 16 printable characters/)
})

/** Checks that onescand serves mail, says why there is no page, and does not listen there. */
async function refusedPage(t: Test, args: readonly string[], why: RegExp): Promise<void> {
  const daemon = startOnescand(t, { args })
  await daemon.logged(/serving/)
  const [line = ''] = daemon.log.filter((line) => why.test(line))
  t.match(line, /; mail is taken all the same, and this is tried every 5 seconds$/)
  const port = Number(args[1]!.split(':').at(-1))
  await t.rejects(get(port, '/readyz'), { code: 'ECONNREFUSED' })
}

t.test('a port that is in use stops no mail, and is opened when it is free', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const daemon = startOnescand(t, {
    args: ['--http', `inet:127.0.0.1:${port}`],
    settings: { QHPSI: 'plugin: eicar' },
  })
  await daemon.logged(/--http 127\.0\.0\.1:\d+: cannot listen: EADDRINUSE.*; mail is taken/)
  await daemon.logged(/serving/)
  t.equal((await daemon.ask({ variables: { QHPSI: 'plugin: eicar' } })).does, 'hand on')
  other.close()
  await daemon.logged(/http: is open now/)
  t.equal((await get(port, '/healthz')).status, 200)
  t.equal(daemon.log.filter((line) => /EADDRINUSE/.test(line)).length, 1, 'it is told once')
})

t.test('a socket with a path is open to whom its mode lets in, under any name', async (t) => {
  const path = join(socketDirectory(t), 'http')
  const daemon = startOnescand(t, { args: ['--http', `unix:${path}`, '--mode', '0600'] })
  await daemon.logged(/serving/)
  t.equal(statSync(path).mode & 0o777, 0o600)
  const answer = await raw(path, 'GET /readyz HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n')
  t.match(answer, /^HTTP\/1\.1 200 /)
})

for (const { name, program } of runtimes) {
  t.test(`every request has one answer, which no other origin may read, ${name}`, async (t) => {
    const served = await serve(t, { program })
    t.match(await served.get('/nothing'), { status: 404 })
    const page = await served.get('/')
    t.match(page.headers, {
      'content-security-policy': /^default-src 'none'; script-src 'self'; style-src 'self'/,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    t.notMatch(
      page.text,
      /<script>|onclick=|style="|https?:/,
      'nothing inline, nothing from elsewhere',
    )
    const post = await raw(
      served.port,
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n',
    )
    t.match(post, /^HTTP\/1\.1 405 /)
    const nameless = 'GET /metrics HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'
    t.match(await raw(served.port, nameless), /^HTTP\/1\.1 421 /)
    t.match(await raw(served.port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
    const huge = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`
    t.match(await raw(served.port, huge), /^HTTP\/1\.1 4|^$/, 'a huge header')
  })
}

for (const { name, program } of runtimes) {
  t.test(`a thousand idle connections and slow clients keep nobody out, ${name}`, async (t) => {
    const served = await serve(t, { program })
    const sockets: Socket[] = []
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
    })
    for (let n = 0; n < 1000; n++) {
      const socket = connect(served.port, '127.0.0.1')
      socket.on('error', () => {})
      sockets.push(socket)
      await once(socket, 'connect')
      if (n % 2 === 0) socket.write('GET /metrics HTTP/1.1\r\nHo')
    }
    t.equal((await served.get('/readyz')).status, 200)
    const slow = sockets.at(-2)!
    slow.resume()
    await once(slow, 'close') // it is cut though it has begun
    t.equal((await served.get('/readyz')).status, 200)
  })
}

t.test('addresses are hidden from the page if --http-hide-addresses is given', async (t) => {
  const served = await serve(t, { args: ['--http-hide-addresses'] })
  await served.send({ from: 'secret"x @example.org', to: 'hidden@example.org' })
  const look = async () => (await served.get('/data.json')).text
  const text = await until(look, (text) => text.includes('"decision":"accept"'))
  t.notMatch(text, /secret|hidden@/)
  t.match(JSON.parse(text).decided[0].line, /from=\(hidden\) to=\(hidden\) rcpts=1/)
})

t.test('no Message-ID brings a hidden address to the page', async (t) => {
  const served = await serve(t, { args: ['--http-hide-addresses'] })
  for (const id of ['x to=', 'x from="', 'x to=\\', 'a"b from=', '\\" to=" rcpt="', 'x\t to="']) {
    await served.send({ id, from: 'a=secret"x @example.org', to: 'b=hidden=c@example.org' })
  }
  const look = async () => JSON.parse((await served.get('/data.json')).text).decided
  const decided = await until(look, (decided) => decided.length === 6)
  for (const { line, fields } of decided) {
    t.notMatch(JSON.stringify({ line, fields }), /secret|hidden[^)]/)
    t.match(line, / from=\(hidden\) to=\(hidden\) rcpts=1 total_ms=/)
  }
})

for (const { name, program } of runtimes) {
  t.test(`a client that asks on without waiting for answers is hung up on, ${name}`, async (t) => {
    const served = await serve(t, { program })
    for (let n = 0; n < 200; n++) await served.send({ id: `<${'x'.repeat(390)}>` })
    const ask = 'GET /data.json HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const rss = () => {
      const status = readFileSync(`/proc/${served.pid}/status`, 'latin1')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
    }
    await served.get('/data.json')
    const before = rss()
    const socket = connect(served.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.write(ask.repeat(1400))
    await once(socket, 'close') // 100 MB of answers at least, if they were made
    t.equal((await served.get('/readyz')).status, 200)
    t.ok(rss() - before < 80e6, `${rss() - before} bytes more`)
  })
}

t.test('history holds the last 200 decisions and one day, whatever comes', async (t) => {
  const { createHistory, DECISIONS_KEPT, STEP } = await import(
    '../../../src/observe/live/history.ts'
  )
  const { createLineViewer } = await import('../../../src/observe/live/line-view.ts')
  const viewOf = createLineViewer()
  const history = createHistory()
  const day = 24 * 3600 * 1000
  for (let n = 0; n < 3000; n++) {
    const line = `onescan: decision=accept scan=clean scan_ms=${n % 50} msgid=<${n}>`
    history.add(line, viewOf(line), n * STEP)
  }
  t.equal(history.decided.length, DECISIONS_KEPT)
  t.match(history.decided.at(-1)?.line, 'msgid=<2999>')
  const steps = history.steps(2999 * STEP)
  t.equal(steps.length, day / STEP)
  const { p50, p95, ...counts } = steps.at(-1)!
  t.same(counts, { start: 2999 * STEP, decisions: { accept: 1 }, scans: { clean: 1 } })
  t.ok(p50! > 46 && p95! < 52, `${p50} ${p95}`)
})

/** Sends these bytes, and resolves to what comes back until the server closes. */
async function raw(place: number | string, bytes: string): Promise<string> {
  const socket = typeof place === 'string' ? connect(place) : connect(place, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(bytes)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}
