import { once } from 'node:events'
import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { listen } from '../../../programs/host/listen.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { until } from '../../../run/until.ts'
import { call, framesOf } from '../../doors/slot/socket/client.ts'
import { runOnescand, runtimes, startOnescand } from '../process.ts'
import { askRaw, get, metric, type Served, serve } from './rig.ts'

/** onescand --http: metrics, health, and where it listens. Hostile clients are in access.test.ts. */

const metricsOf = (served: Served) => async () => (await served.get('/metrics')).text

for (const { name, program } of runtimes) {
  t.test(`the status server ${name}`, async (t) => {
    const served = await serve(t, { program, args: ['--workers', '3'] })

    t.test('metrics are summed over all workers', async (t) => {
      const mails = Array.from({ length: 40 }, (_, n) => served.send({ eicar: n % 4 === 0 }))
      await Promise.all(mails)
      const accepted = { interface: 'qmail', decision: 'accept', grounds: 'none' }
      const count = (text: string) => metric(text, 'onescan_messages_total', accepted)
      const all = (text: string) => count(text) === 30 && metric(text, 'onescan_processes') === 3
      const text = await until(metricsOf(served), 'all mails are counted', all)
      t.equal(metric(text, 'onescan_verdicts_total', { scan: 'infected' }), 10)
      t.equal(metric(text, 'onescan_scans_total', { scanner: 'eicar', answer: 'clean' }), 30)
      t.equal(metric(text, 'onescan_scan_seconds_count'), 40)
      t.equal(metric(text, 'onescan_message_bytes_count'), 40)
      t.notMatch(text, /\{.*Eicar-Test.*\}/i, 'no virus is a label')
    })

    t.test('health reports the scan of a real clean message and a real EICAR', async (t) => {
      const healthy = await until(
        () => served.get('/healthz'),
        'it is healthy',
        ({ status }) => status === 200,
      )
      t.match(
        healthy.text,
        /^a clean message was accepted, and EICAR (is found|was found at \S+)\n$/,
      )
      t.match(await served.get('/readyz'), { status: 200, text: 'serving\n' })
      t.equal(metric(await metricsOf(served)(), 'onescan_selftest_ok'), 1)
    })
  })
}

t.test('a message that clamd scans is shown in the metrics and on the page', async (t) => {
  const path = join(socketDirectory(t), 'clamd')
  await listen(
    t,
    createServer((socket) => socket.resume()), // never answers
    path,
  )
  const settings = { QHPSI: 'plugin: clamd', CLAMD: path }
  const served = await serve(t, { settings })
  const asked = served.ask({ variables: { QHPSI: 'plugin: clamd' } }).catch(() => {})
  const judging = (text: string) => metric(text, 'onescan_judging') === 1
  const text = await until(metricsOf(served), 'the mail is being judged', judging)
  t.ok(metric(text, 'onescan_clamd_sessions', { server: path }) >= 1)
  const { underway } = JSON.parse((await served.get('/data.json')).text)
  t.match(underway, [{ door: 'qmail', from: 'a@example.org' }])
  served.child.kill('SIGKILL')
  await asked
})

t.test('onescand that does not scan is not healthy, and health has the reason', async (t) => {
  const nothing = await serve(t, { settings: { QHPSI: 'none' } })
  const reason = (answer: { text: string }) => !/no self-test has finished/.test(answer.text)
  t.match(await until(() => nothing.get('/healthz'), 'it has been tried', reason), {
    status: 503,
    text: 'QHPSI names no scanner',
  })
  const blind = await serve(t, { settings: { QHPSI: '/bin/true %s' } })
  t.match(await until(() => blind.get('/healthz'), 'it has been tried', reason), {
    status: 503,
    text: "EICAR: was reported as clean; check the scanners in QHPSI, and onescand's log\n",
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: '/nonexistent/clamd' }
  const down = await serve(t, { settings })
  t.match(await until(() => down.get('/healthz'), 'it has been tried', reason), {
    status: 503,
    text: /^mail: cannot be scanned: clamd .*: cannot connect/,
  })
  const text = await until(metricsOf(down), 'clamd is reported', (text) =>
    text.includes('onescan_clamd_up{'),
  )
  t.equal(metric(text, 'onescan_clamd_up', { server: '/nonexistent/clamd' }), 0)
})

t.test('clients that got no answer are counted', async (t) => {
  const served = await serve(t, { args: ['--workers', '2'] })
  const other = await served.ask({ variables: { QHPSI: 'plugin: clamd' } })
  t.equal(other.does, 'go standalone', other.reason)
  const impatient = await call(served.socket)
  // All but its end: it hangs up while onescand waits for that.
  impatient.end(Buffer.concat(framesOf({ variables: { QHPSI: 'plugin: eicar' } }).slice(0, -1)))
  await once(impatient.resume(), 'close')
  await served.send()
  const standalone = (how: string) => (text: string) =>
    metric(text, 'onescan_standalone_total', { how })
  const answered = (text: string) => metric(text, 'onescan_verdicts_total', { scan: 'clean' }) === 1
  const text = await until(
    metricsOf(served),
    'both clients are counted',
    (text) => answered(text) && standalone('asked')(text) === 1 && standalone('left')(text) === 1,
  )
  t.equal(metric(text, 'onescan_messages_total', { interface: 'qmail', decision: 'accept' }), 1)
})

t.test('a port that is in use stops no mail, and is opened when it is free', async (t) => {
  const server = createServer()
  const port = await listen(t, server)
  const daemon = runOnescand(t, {
    args: ['--http', `inet:127.0.0.1:${port}`],
    settings: { QHPSI: 'plugin: eicar' },
  })
  await daemon.logged(
    /the status page is not served, .*: --http 127\.0\.0\.1:\d+: cannot listen: another process listens there/,
  )
  await daemon.logged(/serving/)
  t.equal((await daemon.ask({ variables: { QHPSI: 'plugin: eicar' } })).does, 'hand on')
  server.close()
  await daemon.logged(/http: now listening/)
  t.equal((await get(port, '/healthz')).status, 200)
  t.equal(
    daemon.log.filter((line) => /another process listens there/.test(line)).length,
    1,
    'it is reported once',
  )
})

t.test('the mode of a socket decides who may connect, whatever its name', async (t) => {
  const path = join(socketDirectory(t), 'http')
  await startOnescand(t, { args: ['--http', `unix:${path}`, '--mode', '0600'] })
  t.equal(statSync(path).mode & 0o777, 0o600)
  const request = 'GET /readyz HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n'
  t.match(await askRaw(path, request), /^HTTP\/1\.1 200 /)
})
