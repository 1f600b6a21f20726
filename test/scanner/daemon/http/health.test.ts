import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inOneLine } from '../../../../src/base/check/check-line.ts'
import { readControlDirectories } from '../../../../src/base/settings/control-directories.ts'
import type { SpoolSettings } from '../../../../src/mail/message/spool.ts'
import { askForDescription } from '../../../../src/scanner/protocol/slot/daemon-description.ts'
import { freeSpaceFaults } from '../../../../src/scanner/readiness/check-directories.ts'
import { makeTestMail } from '../../../../src/scanner/readiness/test-mail/eicar-message.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { readQuarantine } from '../../../cases/kept.ts'
import { buildStage } from '../../../cases/stage.ts'
import { lacks } from '../../../needs.mjs'
import { freePort } from '../../../programs/host/free-port.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { until } from '../../../run/until.ts'
import { submitTo } from '../../doors/milter/submit.ts'
import { callDoor } from '../../doors/smtp/client.ts'
import { startNext } from '../../doors/smtp/next-server.ts'
import { standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { childrenOf } from '../process.ts'
import { metric, type Served, serve } from './rig.ts'

/** /healthz is what a worker makes of a clean message and of EICAR, and whether doors are open. */

const KEY = `hmac-sha256:one:${'A'.repeat(43)}\n`

async function becomes(served: Served, status: number, text: string | RegExp): Promise<void> {
  const isSo = (answer: { status: number; text: string }) =>
    answer.status === status &&
    (typeof text === 'string' ? answer.text.includes(text) : text.test(answer.text))
  await until(() => served.get('/healthz'), `${status} ${text}`, isSo)
}

const RIGHT = 'a clean message was accepted, and EICAR was found at '

t.test('health shows each fault of interfaces, keyring and spool, and its end', async (t) => {
  const directory = socketDirectory(t)
  const at = (name: string) => join(directory, name)
  const ring = at('ring')
  writeFileSync(ring, KEY, { mode: 0o600 })
  mkdirSync(at('spool'))
  const port = await freePort()
  const served = await serve(t, {
    args: ['--milter', `unix:${at('milter')}`, '--policy', `inet:127.0.0.1:${port}`, '--clamd', `unix:${at('clamd')}`], // biome-ignore format: a line
    settings: { CLUSTERKEYS: ring, TMPDIR: at('spool'), CLAMDBDIR: '/nonexistent' },
  })
  await becomes(served, 200, RIGHT)
  const text = (await served.get('/metrics')).text
  for (const door of ['qmail', 'milter', 'policy', 'clamd'])
    t.equal(metric(text, 'onescan_interface_ok', { interface: door }), 1)

  const moved = async (path: string, reason: RegExp) => {
    renameSync(path, `${path}-away`)
    await becomes(served, 503, reason)
    renameSync(`${path}-away`, path)
    await becomes(served, 200, RIGHT)
  }
  await moved(served.socket, /^qmail unix:\S+: no such file or directory/)
  await moved(at('milter'), /^milter unix:\S+: no such file or directory/)
  await moved(at('clamd'), /^clamd unix:\S+: no such file or directory/)
  await moved(
    ring,
    /^settings: onescand continues with those that it read before: CLUSTERKEYS \S+: /,
  )
  await moved(at('spool'), /spool \(TMPDIR\): .*no such file or directory/)
})

t.test('a self-test is not counted, logged, shown or cached as mail', async (t) => {
  const directory = socketDirectory(t)
  const milter = `unix:${join(directory, 'milter')}`
  const served = await serve(t, { args: ['--milter', milter] })
  await becomes(served, 200, RIGHT)
  const selfTestAt = async () => {
    await served.get('/healthz')
    return JSON.parse((await served.get('/data.json')).text).selfTest.at as number
  }
  const first = await selfTestAt()
  await until(selfTestAt, 'another self-test', (at) => at > first)
  await served.send({ id: '<mail@x>' })
  const look = async () => (await served.get('/metrics')).text
  const text = await until(look, 'the mail is counted', (text) =>
    /^onescan_messages_total\{/m.test(text),
  )
  t.equal(metric(text, 'onescan_messages_total', { interface: 'qmail', decision: 'accept' }), 1)
  t.equal(metric(text, 'onescan_messages_total', { interface: 'milter' }), 0)
  // Lines are shown when their turn has come, and a report may be made before a message has ended.
  const data = async () => JSON.parse((await served.get('/data.json')).text)
  const { decided } = await until(data, 'the message is reported', ({ decided, underway }) => {
    return decided.length > 0 && underway.length === 0
  })
  t.match(decided, [{ fields: { msgid: '<mail@x>' } }])
  t.equal(decided.length, 1)
  t.notMatch(served.log.join('\n'), 'check@onescan')
})

t.test('mail that looks like an earlier self-test is judged, logged, shown and kept', async (t) => {
  const stage = buildStage(t)
  const [milter, smtp] = [await freePort(), await freePort()]
  const next = await startNext(t)
  const at = (port: number) => `inet:127.0.0.1:${port}`
  const served = await serve(t, {
    args: ['--milter', at(milter), '--smtp', at(smtp), '--next', at(next.port)],
    settings: { QUARANTINE: stage.quarantine },
  })
  const from = `onescan-health-${'0123456789abcdef'.repeat(2)}@localhost`
  const to = 'postmaster@localhost'
  const text = (body: string) => `Subject: onescan health\nMessage-ID: <${from}>\n\n${body}\n`
  for (const [number, eicar] of [false, true].entries()) {
    await served.send({ from, to, id: `<${from}>`, eicar })
    const message = Buffer.from(text(`${eicar ? EICAR : 'hello'} by milter`))
    await submitTo(milter, { message, sender: from, recipients: [to] })
    const client = await callDoor(smtp)
    await client.hear()
    for (const line of ['EHLO x', `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA']) {
      t.match(await client.command(line), /^[23]/)
    }
    client.write(`${text(`${eicar ? EICAR : 'hello'} by smtp`)}.\n`.replaceAll('\n', '\r\n'))
    t.match(await client.hear(), /^250 /)
    await client.close()
    t.equal(next.got.length, 1, 'the clean one is handed on')
    const data = async () => JSON.parse((await served.get('/data.json')).text)
    const { decided } = await until(
      data,
      'three messages are reported',
      ({ decided }) => decided.length === 3 * (number + 1),
    )
    for (const { fields } of decided.slice(-3)) {
      t.match(fields, { from: `<${from}>`, scan: eicar ? 'infected' : 'clean' })
    }
  }
  t.same(
    (await readQuarantine(stage.quarantine)).map(({ record }) => record.sender),
    [from, from],
    'by milter and SMTP: the client of the slot has no QUARANTINE',
  )
})

t.test(
  'a self-test connects to SMTP interfaces and to the next server, without mail',
  async (t) => {
    const ends: (() => unknown)[] = []
    const next = await startNext({ teardown: (end) => void ends.push(end) })
    const stop = () => Promise.all(ends.map((end) => end()))
    t.teardown(stop)
    const [smtp, lmtp, shut] = [await freePort(), await freePort(), await freePort()]
    const to = ['--next', `inet:127.0.0.1:${next.port}`]
    const served = await serve(t, {
      args: [
        ...['--smtp', `inet:127.0.0.1:${smtp}`, ...to],
        ...['--lmtp', `inet:127.0.0.1:${lmtp}`, ...to, '--after-queue'],
        ...['--smtp', `inet:127.0.0.1:${shut}`, ...to, '--from', '192.0.2.0/24'],
      ],
      settings: { REJECTVIRUS: '1' },
    })
    await becomes(served, 200, RIGHT)
    t.same(next.got, [])
    t.notMatch(next.commands.join('\n'), /MAIL|RCPT|DATA/)
    const text = (await served.get('/metrics')).text
    for (const door of ['smtp', 'lmtp'])
      t.equal(metric(text, 'onescan_interface_ok', { interface: door }), 1)
    t.equal(metric(text, 'onescan_messages_total', { interface: 'smtp' }), 0)
    const wrong = async () =>
      (await askForDescription(served.socket, 10_000, true))?.daemon?.selfTest?.wrong
    t.same(await wrong(), [], 'as in the self-test of onescan check')
    await stop()
    t.match(await wrong(), [{ value: /connection refused/ }, {}, {}])
    await becomes(served, 503, /^smtp inet:\S+: next server .*connection refused/)
    t.notMatch(served.log.join('\n'), /decision=/, 'a self-test that fails is no mail, either')
  },
)

t.test('EICAR is scanned once after a start and a reload, and nothing of it is kept', async (t) => {
  const directory = t.testdir({ kept: {} })
  chmodSync(join(directory, 'kept'), 0o700)
  const at = (name: string) => join(directory, name)
  // A program that finds EICAR, and notes that.
  const finds = `grep -q EICAR-STANDARD "$1" || exit 0; echo found >>'${at('found')}'; exit 1`
  writeFileSync(at('scanner'), `#!/bin/sh\n${finds}\n`, { mode: 0o700 })
  const served = await serve(t, {
    args: ['--milter', `inet:127.0.0.1:${await freePort()}`],
    settings: { QHPSI: at('scanner'), QUARANTINE: at('kept') },
  })
  await becomes(served, 200, RIGHT)
  const found = () => readFileSync(at('found'), 'latin1').split('\n').length - 1
  const selfTestOf = async () => {
    await served.get('/healthz')
    return JSON.parse((await served.get('/data.json')).text).selfTest
  }
  const first = await selfTestOf()
  const later = await until(selfTestOf, 'another self-test', ({ at }) => at > first.at)
  t.equal(later.reason, first.reason, 'it shows when that was')
  t.equal(found(), 1)
  served.child.kill('SIGHUP')
  const reloaded = await until(
    selfTestOf,
    'a self-test by the new settings',
    ({ reason }) => reason !== first.reason,
  )
  t.match(reloaded, { hasPassed: true, reason: RIGHT })
  t.equal(found(), 2)
  t.same(readdirSync(at('kept')), [])
})

t.test('a clamd that dies shows at once when mail suffers', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t)
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, SCANTIMEOUT: '3' }
  const served = await serve(t, { settings })
  await becomes(served, 200, RIGHT)
  await clamd.stop()
  await becomes(
    served,
    503,
    /^(?:mail|a clean message): cannot be scanned: (?!.*check the scanners)/,
  )
})

t.test('a message that a killed worker was scanning is counted as unanswered', async (t) => {
  const silent = await standIn(t, () => {}, { version: () => 'ClamAV 1.4.3' })
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: silent.socket,
    CLAMDBDIR: '/nonexistent',
  }
  const served = await serve(t, { settings })
  const [worker] = childrenOf(served.pid)
  const asked = served.ask({ variables: { QHPSI: settings.QHPSI } }).catch(() => {})
  const look = async () => (await served.get('/metrics')).text
  await until(look, 'the mail is being judged', (text) => metric(text, 'onescan_judging') === 1)
  process.kill(worker!, 'SIGKILL')
  await asked
  const text = await until(
    look,
    'the worker is replaced',
    (text) => metric(text, 'onescan_workers_replaced_total', { reason: 'ended' }) === 1,
  )
  t.equal(metric(text, 'onescan_unanswered_total'), 1)
})

const mountMissing = lacks('mounts')

t.test(
  'health reports a spool without room for a large message',
  { skip: mountMissing },
  async (t) => {
    const small = socketDirectory(t)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'onescan-test', small])
    t.teardown(() => execFileSync('umount', [small]))
    const spool = { directory: small, sharedDirectory: undefined }
    const directories = readControlDirectories({})
    const faults = (spool: SpoolSettings, maxSize: number, QHPSI = 'plugin: clamd') =>
      freeSpaceFaults({ env: { QHPSI }, directories }, spool, maxSize).map(inOneLine)
    t.same(faults(spool, 100e6), [], 'a small one has a tenth for any message')
    writeFileSync(join(small, 'mail'), Buffer.alloc(970_000))
    t.match(faults(spool, 100e6), [
      /^spool \(TMPDIR\): \S+: only [\d.]+ KB are free, and a message may need 100 MB/,
    ])
    t.same(faults(spool, 1000), [], 'no message is larger')
    spawnSync('dd', ['if=/dev/zero', `of=${join(small, 'rest')}`])
    t.match(faults(spool, 1), [/: it is full, and mail is deferred; free space there/])
    const missing = { directory: '/tmp', sharedDirectory: '/nonexistent/spool' }
    t.match(faults(missing, 1, '/usr/bin/scan'), [/^SPOOLDIR: .*no such file or directory/])
    t.same(faults(missing, 1), [], 'clamd does not use it')
  },
)

t.test(
  'self-test messages fit the largest and the smallest limits for the size of a message',
  async (t) => {
    const { clean, eicar } = makeTestMail(1, { least: 0, most: 1e9 })
    t.ok(clean.length > 200_000, 'no door keeps it in memory')
    t.ok(eicar.length < 2000)
    t.match(eicar.toString(), Buffer.from(EICAR).toString('base64').slice(0, 60))
    const bounded = makeTestMail(1, { least: 5000, most: 10_000 })
    t.ok(bounded.clean.length <= 10_000)
    t.ok(bounded.eicar.length >= 4900)
    t.not(makeTestMail(2, { least: 0, most: 1e9 }).eicar.toString(), eicar.toString())
  },
)
