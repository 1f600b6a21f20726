import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { ClamdWatch } from '../../../../src/scanner/readiness/clamd/clamd-watch.ts'
import type { CanaryEvent } from '../../../../src/scanner/scan/scanners/clamd/canary.ts'
import { readScanSettings } from '../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import { listen } from '../../../programs/host/listen.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { until } from '../../../run/until.ts'

const scanSettings = (CLAMD: string, QHPSI = 'plugin: clamd') =>
  readScanSettings({ QHPSI, CLAMD }, { qmailHome: '/nonexistent', control: '/nonexistent' })

t.test('whether clamd reports what exceeds its limits', { skip: clamdMissing }, async (t) => {
  const off = await startClamd(t)
  const on = await startClamd(t, { alertExceedsMax: true })

  t.test('is asked of each server, and logged of one that does not', async (t) => {
    const log: string[] = []
    let servers = scanSettings(`${on.socket} ${off.socket} /nonexistent/clamd`)
    const watch = new ClamdWatch(
      () => servers,
      (line) => log.push(line),
      { every: 20 },
    )
    t.teardown(() => watch.close())
    await watch.asked
    t.equal(log.length, 2)
    t.match(
      log[0],
      /^clamd \/nonexistent\/clamd: cannot connect \(no such file or directory\); run onescan check, /,
    )
    t.match(log[1], `clamd ${off.socket} AlertExceedsMax: is off`)
    t.match(log[1], 'set "AlertExceedsMax yes" in its clamd.conf')
    t.match(watch.complaints, [{ level: 'error', what: `clamd ${off.socket} AlertExceedsMax` }])
    t.match(watch.states, [
      { server: on.socket, isUp: true, text: /^ClamAV / },
      { server: off.socket, isUp: true, text: /^ClamAV / },
      { server: '/nonexistent/clamd', isUp: false, text: /no such file or directory/ },
    ])
    servers = scanSettings(on.socket)
    while (watch.states.length > 1) await setTimeout(10)
    t.same(watch.complaints, [], 'a server that no setting names any more is forgotten')
    t.equal(log.length, 2, 'no line is logged again')
  })

  t.test('is not asked if clamd does not scan', async (t) => {
    const log: string[] = []
    for (const line of ['plugin: eicar', 'clamdscan %s']) {
      const watch = new ClamdWatch(
        () => scanSettings(off.socket, line),
        (text) => log.push(text),
      )
      await watch.asked
      watch.close()
    }
    for (const settings of [scanSettings('no:port:at:all'), undefined]) {
      const watch = new ClamdWatch(
        () => settings,
        (text) => log.push(text),
      )
      await watch.asked
      watch.close()
    }
    t.same(log, [])
  })
})

t.test('a clamd that is down at the start is logged, and when it answers', async (t) => {
  const socket = join(socketDirectory(t), 'clamd.sock')
  const log: string[] = []
  const watch = new ClamdWatch(
    () => scanSettings(socket),
    (line) => log.push(line),
    { every: 20 },
  )
  t.teardown(() => watch.close())
  await watch.asked
  t.match(log, [/: cannot connect \(no such file or directory\); run onescan check, /])
  const server = createServer((client) => {
    client.on('data', () => client.write('1: ClamAV 1\0'))
  })
  await listen(t, server, socket)
  await until(
    () => log,
    'it is logged that clamd answers',
    (lines) => lines.includes(`clamd ${socket}: answers`),
  )
  t.equal(log.filter((line) => line.includes('cannot connect')).length, 1)
})

t.test('a clamd that scans few levels is logged once', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true, maxRecursion: 5 })
  const log: string[] = []
  const watch = new ClamdWatch(
    () => scanSettings(clamd.socket),
    (line) => log.push(line),
    { every: 20 },
  )
  t.teardown(() => watch.close())
  await watch.asked
  const what = `clamd ${clamd.socket} MaxRecursion`
  const value = 'is 5: clamd scans files in at most 4 nested archives'
  t.match(watch.complaints, [{ level: 'warning', what, value }])
  const lines = () => log.filter((line) => line.includes('MaxRecursion'))
  t.match(lines(), [`${what}: ${value}; set "MaxRecursion 17"`])
  const found = () => clamd.log.filter((line) => line.endsWith('FOUND')).length
  const before = found()
  await until(() => found() >= before + 2, 'two more questions about mail over its limits')
  t.equal(lines().length, 1)
  t.ok(found() < before + 5, 'the levels are not searched again')
})

t.test('a clamd that is restarted is asked again', { skip: clamdMissing }, async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  const start = (alertExceedsMax: boolean) => startClamd(t, { alertExceedsMax, socket })
  let onLine: (line: string) => void = () => {}
  const next = () => new Promise<string>((resolve) => (onLine = resolve))
  const good = await start(true)
  let restarts = 0
  const watch = new ClamdWatch(
    () => scanSettings(socket),
    (line) => onLine(line),
    { every: 20, onRestart: () => void restarts++ },
  )
  t.teardown(() => watch.close())
  await watch.asked
  t.equal(restarts, 0)

  const warning = next()
  await good.stop()
  const bad = await start(false)
  t.match(await warning, /AlertExceedsMax: is off/)
  t.ok(restarts >= 2, 'when it ended, and when it answered again')

  const relief = next()
  await bad.stop()
  await start(true)
  t.match(await relief, /AlertExceedsMax: is on/)
  t.ok(restarts >= 4)
})

t.test('a clamd without EICAR is not used', { skip: clamdMissing }, async (t) => {
  const database = { 'x.ndb': 'Other:0:*:00010203040506070809\n' }
  const clamd = await startClamd(t, { alertExceedsMax: true, database })
  const events: CanaryEvent[] = []
  const log: string[] = []
  const watch = new ClamdWatch(
    () => scanSettings(clamd.socket),
    (line) => log.push(line),
    { onCanary: (event) => void events.push(event) },
  )
  await watch.asked
  watch.close()
  t.match(events[0], { isFound: false })
  t.match(log[0], /EICAR: is reported as clean: this server is not used/)
})
