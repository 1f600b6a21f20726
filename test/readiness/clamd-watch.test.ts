import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { ClamdWatch } from '../../src/readiness/clamd-watch.ts'
import { readScanSettings } from '../../src/scan/scanners/shared/scan-settings.ts'
import { clamdMissing, startClamd } from '../programs/clamd.ts'
import { socketDirectory } from '../programs/socket-directory.ts'

const policy = (CLAMD: string, QHPSI = 'plugin: clamd') =>
  readScanSettings({ QHPSI, CLAMD }, { qmailHome: '/nonexistent', control: '/nonexistent' })

t.test('whether clamd reports what exceeds its limits', { skip: clamdMissing }, async (t) => {
  const off = await startClamd(t)
  const on = await startClamd(t, { alertExceedsMax: true })

  t.test('is asked of each server, and logged of one that does not', async (t) => {
    const log: string[] = []
    let servers = policy(`${on.socket} ${off.socket} /nonexistent/clamd`)
    const watch = new ClamdWatch(
      () => servers,
      (line) => log.push(line),
      20,
    )
    t.teardown(() => watch.close())
    await watch.asked
    t.equal(log.length, 1)
    t.match(log[0], `clamd ${off.socket} AlertExceedsMax: is off`)
    t.match(log[0], 'set "AlertExceedsMax yes" in its clamd.conf')
    t.match(watch.complaints, [{ level: 'error', what: `clamd ${off.socket} AlertExceedsMax` }])
    t.match(watch.states, [
      { server: on.socket, up: true, text: /^ClamAV / },
      { server: off.socket, up: true, text: /^ClamAV / },
      { server: '/nonexistent/clamd', up: false, text: /ENOENT/ },
    ])
    servers = policy(on.socket)
    while (watch.states.length > 1) await setTimeout(10)
    t.same(watch.complaints, [], 'a server that no setting names any more is forgotten')
    t.equal(log.length, 1, 'and what was said is not said again')
  })

  t.test('is not asked if clamd does not scan', async (t) => {
    const log: string[] = []
    for (const line of ['plugin: eicar', 'clamdscan %s']) {
      const watch = new ClamdWatch(
        () => policy(off.socket, line),
        (text) => log.push(text),
      )
      await watch.asked
      watch.close()
    }
    for (const settings of [policy('no:port:at:all'), undefined]) {
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

t.test('a clamd that is restarted is asked again', { skip: clamdMissing }, async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  const start = (alertExceedsMax: boolean) => startClamd(t, { alertExceedsMax, socket })
  let said: (line: string) => void = () => {}
  const next = () => new Promise<string>((resolve) => (said = resolve))
  const good = await start(true)
  const watch = new ClamdWatch(
    () => policy(socket),
    (line) => said(line),
    20,
  )
  t.teardown(() => watch.close())
  await watch.asked

  const warning = next()
  await good.stop()
  const bad = await start(false)
  t.match(await warning, /AlertExceedsMax: is off/)

  const relief = next()
  await bad.stop()
  await start(true)
  t.match(await relief, /AlertExceedsMax: is on/)
})
