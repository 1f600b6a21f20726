import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ClamdWatch } from '../../../../src/scanner/readiness/clamd/clamd-watch.ts'
import { probeRoom } from '../../../../src/scanner/readiness/clamd/form-probes.ts'
import { readClamdAddress } from '../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import type { ExtractionEvent } from '../../../../src/scanner/scan/scanners/clamd/extracted-forms.ts'
import { readScanSettings } from '../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import { listen } from '../../../programs/host/listen.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { until } from '../../../run/until.ts'
import { cannotMount, mountSmall } from '../../doors/slot/small-disk.ts'

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
    t.equal(log.length, 3)
    t.match(
      log.find((line) => line.includes('ordinary parts')),
      on.socket,
    )
    t.match(
      log[0],
      /^clamd \/nonexistent\/clamd: cannot connect \(no such file or directory\); run onescan check, /,
    )
    t.match(log[1], `clamd ${off.socket} AlertExceedsMax: is off`)
    t.match(log[1], 'set "AlertExceedsMax yes" in its clamd.conf')
    t.match(watch.complaints, [{ level: 'error', what: `clamd ${off.socket} AlertExceedsMax` }])
    t.match(watch.states, [
      { server: on.socket, up: true, text: /^ClamAV / },
      { server: off.socket, up: true, text: /^ClamAV / },
      { server: '/nonexistent/clamd', up: false, text: /no such file or directory/ },
    ])
    servers = scanSettings(on.socket)
    while (watch.states.length > 1) await setTimeout(10)
    t.same(watch.complaints, [], 'a server that no setting names any more is forgotten')
    t.equal(log.length, 3, 'no line is logged again')
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

t.test('what a clamd extracts is unknown as soon as it ends', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true, tcp: true }) // no file shows its restart
  const events: ExtractionEvent[] = []
  const watch = new ClamdWatch(
    () => scanSettings(clamd.tcp),
    () => {},
    { every: 600_000, onExtraction: (event) => void events.push(event) },
  )
  t.teardown(() => watch.close())
  await watch.asked
  await until(() => events.length === 1, 'the test messages')
  t.ok(events[0]?.isShown)
  await clamd.stop()
  await until(() => events.length === 2, 'the end of clamd')
  t.same(events[1], { kind: 'extracts', server: clamd.tcp, isShown: false })
})

t.test(
  'what clamd extracts from mail is tested once, until clamd is restarted',
  {
    skip: clamdMissing,
  },
  async (t) => {
    const socket = `${socketDirectory(t)}/clamd`
    const clamd = await startClamd(t, { alertExceedsMax: true, socket })
    const probes = () => clamd.log.filter((line) => line.endsWith('FOUND')).length
    const events: ExtractionEvent[] = []
    const options = {
      every: 20,
      onExtraction: (event: ExtractionEvent) => void events.push(event),
      isWanted: () => true,
    }
    const log: string[] = []
    const watch = new ClamdWatch(
      () => scanSettings(socket),
      (line) => void log.push(line),
      options,
    )
    t.teardown(() => watch.close())
    await watch.asked
    t.match(events, [{ kind: 'extracts', server: socket, version: /^ClamAV /, isShown: true }])
    t.match(log, [`clamd ${socket} ordinary parts: scanned with the whole message`])
    const asked = probes()
    await until(() => events.length > 3, 'further rounds')
    t.match(events.at(-1), { server: socket, isShown: true }, 'is logged again in each round')
    t.equal(log.length, 1, 'and logged once')
    t.ok(probes() - asked < 7, 'without another probe')
    await clamd.stop()
    await startClamd(t, { alertExceedsMax: true, socket, scanMail: false })
    await until(
      () => watch.states[0]?.up === true && events.at(-1)?.isShown === false,
      'a round with the other clamd',
    )
    const after = events.length
    await until(() => events.length > after + 3, 'more rounds')
    t.equal(events.at(-1)?.isShown, false, 'another one is not tried within five minutes')
  },
)

/** The bytes that only a stream which shows room has. */
const ROOM = 1024 * 1024

/**
 * Passes all on to a clamd. Counts the streams that show room, and holds them up while `isBusy()`. If it `breaksOff`,
 * each of them ends all other connections, as a restart of clamd does.
 */
async function countStreams(t: Test, clamd: string, isBusy = () => false, breaksOff = false) {
  const path = `${socketDirectory(t)}/counting`
  const clients = new Set<Socket>()
  let streams = 0
  const server = createServer((client) => {
    const upstream = connect(clamd)
    clients.add(client)
    client.on('close', () => clients.delete(client))
    let bytes = 0
    client.on('data', (chunk) => {
      if (bytes <= ROOM && bytes + chunk.length > ROOM) {
        streams++
        for (const other of clients) if (breaksOff && other !== client) other.destroy()
      }
      bytes += chunk.length
      if (bytes <= ROOM || !isBusy()) upstream.write(chunk)
    })
    upstream.pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy()).on('error', () => {})
  })
  await listen(t, server, path)
  return { path, streams: () => streams }
}

t.test(
  'clamd is asked for room once at the start, and later only if mail wants it',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax: true })
    const { path, streams } = await countStreams(t, clamd.socket)
    const events: ExtractionEvent[] = []
    let isWanted = false
    let rounds = 0
    const settings = () => {
      rounds++
      return scanSettings(path)
    }
    const watch = new ClamdWatch(settings, () => {}, {
      every: 5,
      onExtraction(event) {
        events.push(event)
        isWanted = false
      },
      isWanted: () => isWanted,
    })
    t.teardown(() => watch.close())
    await watch.asked
    t.match([streams(), events.length], [1, 1], 'the start')
    const before = rounds
    await until(() => rounds > before + 10, 'rounds without mail')
    t.same([streams(), events.length], [1, 1], 'no stream without mail')
    isWanted = true
    await until(() => events.length === 2, 'a round that mail wants')
    const after = rounds
    await until(() => rounds > after + 10, 'further rounds without mail')
    t.same([streams(), events.length], [2, 2])
    t.match(events[1], { isShown: true })
  },
)

t.test(
  'forms are not trusted if the conversation with clamd ends before its test messages do',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax: true })
    const { path } = await countStreams(t, clamd.socket, () => false, true)
    const events: ExtractionEvent[] = []
    const watch = new ClamdWatch(
      () => scanSettings(path),
      () => {},
      { onExtraction: (event) => events.push(event) },
    )
    t.teardown(() => watch.close())
    await watch.asked
    t.match(events.at(-1), { kind: 'extracts', server: path, version: /^ClamAV / })
    for (const { isShown } of events) t.equal(isShown, false)
  },
)

t.test(
  'what is known of a clamd that is late with room is not forgotten',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax: true })
    let isBusy = false
    const { path, streams } = await countStreams(t, clamd.socket, () => isBusy)
    const events: ExtractionEvent[] = []
    const watch = new ClamdWatch(
      () => scanSettings(path),
      () => {},
      {
        every: 5,
        onExtraction(event) {
          events.push(event)
          isBusy = true
        },
        isWanted: () => true,
      },
    )
    await watch.asked
    await until(() => streams() === 2, 'a stream that is not answered')
    watch.close()
    const server = new ClamdServer(readClamdAddress(path), { lasting: false })
    t.equal(await probeRoom(server, AbortSignal.timeout(20)), 'late')
    t.equal(events.length, 1)
    t.ok(events[0]?.isShown)
    await clamd.stop()
    const answer = await probeRoom(server, AbortSignal.timeout(10_000))
    t.equal(answer, 'none', 'one that is down is not late')
  },
)

t.test(
  'every part is scanned by itself if clamd has no room for what it extracts',
  {
    skip: clamdMissing || cannotMount,
  },
  async (t) => {
    const parent = mountSmall(t, join(openDirectory(t), 'small'), '12m')
    chmodSync(parent, 0o755)
    const clamd = await startClamd(t, { alertExceedsMax: true, parent })
    const events: ExtractionEvent[] = []
    const options = {
      every: 20,
      onExtraction: (event: ExtractionEvent) => void events.push(event),
      isWanted: () => true,
    }
    const watch = new ClamdWatch(
      () => scanSettings(clamd.socket),
      () => {},
      options,
    )
    t.teardown(() => watch.close())
    await watch.asked
    t.ok(events.at(-1)?.isShown, 'there is room')
    const full = join(parent, 'full')
    await until(() => {
      try {
        writeFileSync(full, Buffer.alloc(6 * 1024 * 1024))
        return true
      } catch {
        return false // clamd still has the file of the last round
      }
    }, 'a file that takes the room')
    await until(() => events.at(-1)?.isShown === false, 'a round without room')
    rmSync(full)
    await until(() => events.at(-1)?.isShown === true, 'a round with room again')
    watch.close()
    await clamd.stop()
  },
)

t.test(
  'nothing is tested if clamd does not report its limits, or parts are not scanned',
  {
    skip: clamdMissing,
  },
  async (t) => {
    const off = await startClamd(t)
    const on = await startClamd(t, { alertExceedsMax: true })
    const settings = [
      scanSettings(off.socket),
      { ...scanSettings(on.socket)!, SECONDLOOK: 'never' as const },
    ]
    for (const each of settings) {
      const events: ExtractionEvent[] = []
      const watch = new ClamdWatch(
        () => each,
        () => {},
        { onExtraction: (event) => void events.push(event) },
      )
      await watch.asked
      watch.close()
      t.match(events, [{ isShown: false }])
    }
  },
)
