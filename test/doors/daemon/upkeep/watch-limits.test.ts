import t from 'tap'
import { watchLimits } from '../../../../src/doors/daemon/upkeep/watch-limits.ts'
import { readScanSettings } from '../../../../src/scan/scanners/shared/scan-settings.ts'
import { type Clamd, clamdMissing, startClamd } from '../../../programs/clamd.ts'
import { socketDirectory } from '../../../programs/socket-directory.ts'

const policy = (CLAMD: string, QHPSI = 'plugin: clamd') =>
  readScanSettings({ QHPSI, CLAMD }, { qmailHome: '/nonexistent', control: '/nonexistent' })

t.test('whether clamd reports what exceeds its limits', { skip: clamdMissing }, async (t) => {
  const off = await startClamd()
  t.teardown(off.stop)
  const on = await startClamd({ alertExceedsMax: true })
  t.teardown(on.stop)

  t.test('is asked of each server, and logged of one that does not', async (t) => {
    const log: string[] = []
    const watch = watchLimits(policy(`${on.socket} ${off.socket} /nonexistent/clamd`), (line) =>
      log.push(line),
    )
    t.teardown(watch.close)
    await watch.asked
    t.equal(log.length, 1)
    t.match(log[0], `clamd ${off.socket}: AlertExceedsMax is off`)
    t.match(log[0], 'set "AlertExceedsMax yes" in clamd.conf')
  })

  t.test('is not asked if clamd does not scan', async (t) => {
    const log: string[] = []
    for (const line of ['plugin: eicar', 'clamdscan %s']) {
      const watch = watchLimits(policy(off.socket, line), (text) => log.push(text))
      await watch.asked
      watch.close()
    }
    const misspelt = watchLimits(policy('no:port:at:all'), (text) => log.push(text))
    await misspelt.asked
    misspelt.close()
    await watchLimits(undefined, (text) => log.push(text)).asked
    t.same(log, [])
  })
})

t.test('a clamd that is restarted is asked again', { skip: clamdMissing }, async (t) => {
  const socket = `${socketDirectory(t)}/clamd`
  const running = new Set<Clamd>()
  t.teardown(() => Promise.all([...running].map((clamd) => clamd.stop())))
  const start = async (alertExceedsMax: boolean) => {
    const clamd = await startClamd({ alertExceedsMax, socket })
    running.add(clamd)
    return clamd
  }
  let said: (line: string) => void = () => {}
  const next = () => new Promise<string>((resolve) => (said = resolve))
  const good = await start(true)
  const watch = watchLimits(policy(socket), (line) => said(line), 20)
  t.teardown(watch.close)
  await watch.asked

  const warning = next()
  await good.stop()
  const bad = await start(false)
  t.match(await warning, /AlertExceedsMax is off/)

  const relief = next()
  await bad.stop()
  await start(true)
  t.match(await relief, /AlertExceedsMax is on/)
})
