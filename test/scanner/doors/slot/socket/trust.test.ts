import t from 'tap'
import { passwdEntryOf } from '../../../../../src/base/process/passwd.ts'
import type { Peer } from '../../../../../src/base/runtime/system.ts'
import { makeEnvelope } from '../../../../../src/mail/message/envelope.ts'
import { infected, plain, troublesome } from '../../../../cases/messages.ts'
import { buildStage } from '../../../../cases/stage.ts'
import { extendedAnswer, udpService } from '../../../scan/quota/services.ts'
import { memoryInUse } from '../../memory-in-use.ts'
import { openSlot } from './rig.ts'

/** What a client may set, and what makes it go standalone: onescan-interfaces(7), QMAIL. */

const ring = 'md5:alpha:sesame\n'

function ownSettings(stage: ReturnType<typeof buildStage>): Record<string, string> {
  return {
    QHPSI: 'plugin: eicar attachments',
    CLUSTERKEYS: stage.file('ring', ring),
    BADATTACHMENTS: stage.file('badattachments', 'name *.exe\n'),
    CLAMDBDIR: '/nonexistent',
    SCANTIMEOUT: '60',
  }
}

const standalone: Record<string, Record<string, string>> = {
  'another clamd': { CLAMD: '/tmp/evil.sock' },
  'another keyring': { CLUSTERKEYS: '/tmp/evil' },
  'another plugin': { QHPSI: 'plugin: eicar clamd' },
  'a plugin of another directory': { PLUGINDIR: '/tmp/evil' },
  'a plugin file': { QHPSI: 'plugin: evil.js' },
  'a command': { QHPSI: '/bin/true %s' },
  'one plugin a thousand times': { QHPSI: `plugin: ${'eicar '.repeat(1000)}` },
  'another meaning of exit codes': { QHPSIRC: '77' },
  'other rules for attachments': { BADATTACHMENTS: '/dev/null' },
  'another place for control files': { CONTROLDIR: '/tmp' },
  'a laxer SCANFAIL': { SCANFAIL: 'accept' },
  'more time': { SCANTIMEOUT: '61' },
  'tags only for more signatures': { FINDINGS: '*=tag' },
  'a variable that is not known here': { ONESCAN_NEW: '1' },
  'a size that makes no sense': { QHPSIMAXSIZE: 'many' },
  'a quota service that makes no sense': { QUOTAD: 'nowhere' },
  'a descriptor that makes no sense': { ERROR_FD: 'six' },
  'a QHPSI that names nothing': { QHPSI: 'plugin:' },
}
const asked = { QHPSI: 'plugin: eicar attachments' }

for (const [what, variables] of Object.entries(standalone)) {
  // promise: signs-what-it-scanned
  t.test(`a client that asks for ${what} scans standalone, and nothing is signed`, async (t) => {
    const slot = await openSlot(t, ownSettings(buildStage(t)))
    const got = await slot.ask({ variables: { ...asked, ...variables }, message: plain })
    t.equal(got.does, 'go standalone')
    t.not(got.reason, '')
    t.same(slot.log, [], 'which is no trouble of the daemon')
  })
}

// promise: memory-and-time
t.test('settings that clients send with their mail are forgotten with it', async (t) => {
  const slot = await openSlot(t, { QHPSI: 'plugin: eicar' })
  const send = async (round: number) => {
    const variables = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`X${at}`, String(round).padEnd(50_000, 'x')]),
    )
    t.equal((await slot.ask({ variables })).does, 'hand on', 'without QHPSI its mail passes')
  }
  await send(0)
  const before = await memoryInUse()
  for (let round = 1; round <= 50; round++) await send(round)
  const grown = (await memoryInUse()) - before
  t.ok(grown < 10 * 1024 * 1024, `${grown} bytes are kept of 50 million that were sent`)
})

t.test('a client that accepts what the daemon keeps scans standalone', async (t) => {
  const stage = buildStage(t)
  const keeps = { SCANFAIL: 'quarantine', QUARANTINE: stage.quarantine }
  const slot = await openSlot(t, { ...ownSettings(stage), ...keeps })
  const got = await slot.ask({ variables: { ...asked, SCANFAIL: 'accept' }, message: plain })
  t.equal(got.does, 'go standalone')
  t.match(got.reason, /SCANFAIL is more lenient/)
})

const warm: Record<string, Record<string, string>> = {
  'the same settings': { QHPSI: 'plugin: eicar attachments', SCANTIMEOUT: '60' },
  'the same plugins, written otherwise': { QHPSI: "plugin:  'eicar'  attachments" },
  'the plugins in another order': { QHPSI: 'plugin: attachments eicar' },
  'less time': { SCANTIMEOUT: '10' },
  'a stricter SCANFAIL': { SCANFAIL: 'defer' },
  'places of its own': { TMPDIR: '/elsewhere', LOGFILE: '/x', QUEUECHAIN: '/y', PATH: '/z' },
}

for (const [what, variables] of Object.entries(warm)) {
  t.test(`a client that asks for ${what} is answered, and its mail stamped`, async (t) => {
    const slot = await openSlot(t, ownSettings(buildStage(t)))
    const own = { QHPSI: 'plugin: eicar' }
    const got = await slot.ask({ variables: { ...own, ...variables }, message: plain })
    t.equal(got.does, 'hand on', got.reason)
    t.match(got.message.toString('latin1'), /^X-QHPSI: clean\nX-MD5-Cluster-1: /)
  })
}

t.test('a client without QHPSI is not scanned, as without a daemon', async (t) => {
  const stage = buildStage(t)
  const slot = await openSlot(t, { QHPSI: stage.scanner, REJECTVIRUS: '1' })
  const got = await slot.ask({ variables: {}, message: infected })
  t.equal(got.does, 'hand on')
  t.ok(got.message.equals(infected))
  t.match(got.log, /decision=pass reason="QHPSI names no scanner"/)
  t.equal(stage.scans(), 0)
})

t.test('without QHPSI recipients are asked about by the service that the daemon has', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'full@example.org': [100, 100] }))
  const own = { QUOTAD: `quotad:127.0.0.1:${service.port}`, BOUNCEUSER: 'nobody-of-this-host' }
  const slot = await openSlot(t, own)
  const to = (name: string) =>
    makeEnvelope(Buffer.from('a@example.net'), [Buffer.from(`${name}@example.org`)]).wire
  const ask = (name: string, variables: Readonly<Record<string, string>>) =>
    slot.ask({ variables, envelope: to(name), message: infected, takesReply: true })
  const full = await ask('full', { QUOTAD: own.QUOTAD, ERROR_FD: '6' })
  t.match(full, {
    code: 82,
    text: 'ZQuota exceeded for <full@example.org>, try again later (#4.2.2)',
  })
  t.match(full.log, /decision=defer .*grounds=over-quota .*size=\d+ .*to=<full@example\.org>/)
  const room = await ask('other', { QUOTAD: own.QUOTAD })
  t.match(room, { does: 'hand on', log: /decision=pass reason="QHPSI names no scanner"/ })
  t.ok(room.message.equals(infected))
  t.equal((await ask('full', {})).does, 'hand on', 'who has no QUOTAD')
  for (const other of [{ QUOTAD: 'udp:192.0.2.1:1' }, { QUOTAD: own.QUOTAD, BOUNCEUSER: 'root' }]) {
    t.match((await ask('full', other)).reason, /differs from the daemon's$/)
  }
  service.socket.close()
  const silent = await openSlot(t, { ...own, QUOTATIMEOUT: '1' })
  const unknown = await silent.ask({ variables: { QUOTAD: own.QUOTAD } })
  t.match(unknown.log, /decision=pass reason="QHPSI names no scanner; quota: /)
})

t.test('a client with QHPSI scans standalone where the daemon has none', async (t) => {
  const slot = await openSlot(t, {})
  t.match((await slot.ask({ variables: { QHPSI: 'plugin: eicar' } })).reason, /QHPSI/)
})

t.test('a new configuration is for questions that come from then on', async (t) => {
  const slot = await openSlot(t, { QHPSI: 'plugin: eicar' })
  const question = { variables: { QHPSI: 'plugin: eicar' } }
  t.equal((await slot.ask(question)).does, 'hand on')
  slot.configure(await slot.configured({}))
  t.match(await slot.ask(question), {
    does: 'go standalone',
    reason: 'QHPSI names no scanner for the daemon',
  })
})

t.test("a setting that the client does not have is the daemon's", async (t) => {
  const stage = buildStage(t)
  const slot = await openSlot(t, { QHPSI: stage.scanner, REJECTVIRUS: '1', RELAYCLIENT: '' })
  const refused = await slot.ask({ variables: { QHPSI: stage.scanner }, message: infected })
  t.equal(refused.code, 31)
  const variables = { QHPSI: stage.scanner, REJECTVIRUS: '0' }
  const tagged = await slot.ask({ variables, message: infected })
  t.match(tagged.message.toString('latin1'), /^X-QHPSI: virus found\n/)
})

t.test('an empty TCPREMOTEIP of a client counts as none', async (t) => {
  const slot = await openSlot(t, { QHPSI: 'plugin: eicar', TCPREMOTEIP: '192.0.2.9' })
  const ask = (TCPREMOTEIP: string) =>
    slot.ask({ variables: { QHPSI: 'plugin: eicar', TCPREMOTEIP }, message: plain })
  t.match((await ask('192.0.2.7')).log, / remote=192\.0\.2\.7 /)
  const empty = await ask('')
  t.equal(empty.does, 'hand on', empty.reason)
  t.notMatch(empty.log, /remote=/)
})

t.test('mail is kept only for a client that has QUARANTINE itself', async (t) => {
  const { scanner: QHPSI, quarantine: QUARANTINE } = buildStage(t)
  const slot = await openSlot(t, { QHPSI, QUARANTINE })
  for (const [variables, does] of [
    [{ QHPSI }, 'hand on'],
    [{ QHPSI, QUARANTINE }, 'end'],
  ] as const) {
    t.equal((await slot.ask({ variables, message: infected })).does, does)
  }
})

// promise: client-drop
t.test('mail is dropped only for a client that has REJECTVIRUS=2 itself', async (t) => {
  const stage = buildStage(t)
  const slot = await openSlot(t, { QHPSI: stage.scanner, REJECTVIRUS: '2' })
  const own = { QHPSI: stage.scanner }
  t.equal((await slot.ask({ variables: own, message: infected })).does, 'go standalone')
  const asking = { ...own, REJECTVIRUS: '2' }
  t.equal((await slot.ask({ variables: asking, message: infected })).code, 0)
})

t.test("a client's connection is described by its own variables alone", async (t) => {
  const { scanner: QHPSI, rules } = buildStage(t)
  const relayed = { CONTROLDIR: rules('auth SCANFAIL=accept\n'), RELAYCLIENT: '' }
  const slot = await openSlot(t, { QHPSI, ...relayed, ERROR_FD: '6' })
  const question = { variables: { QHPSI }, message: troublesome, takesReply: true }
  t.equal((await slot.ask(question)).code, 71)
})

t.test('the text of a reply goes only to a client that takes it', async (t) => {
  const stage = buildStage(t)
  const slot = await openSlot(t, { QHPSI: stage.scanner })
  const ask = async (more: Record<string, string>, takesReply: boolean, message = infected) => {
    const variables = { QHPSI: stage.scanner, REJECTVIRUS: '1', ...more }
    const { code, text } = await slot.ask({ variables, takesReply, message })
    return [code, text]
  }
  t.match(await ask({ ERROR_FD: '6' }, true), [82, /^Dmessage refused: virus .*\(#5\.7\.1\)$/])
  t.match(await ask({ ERROR_FD: '2' }, true), [88, /^Dmessage refused/])
  t.same(await ask({ ERROR_FD: '6' }, false), [31, ''])
  t.same(await ask({}, true), [31, ''])
  t.same(await ask({ ERROR_FD: '2' }, false), [33, ''])
})

t.test('the user of the client process shows whether qmail-send injects a bounce', async (t) => {
  const stage = buildStage(t)
  const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1', BOUNCEUSER: 'daemon' }
  const uid = passwdEntryOf('daemon')!.uid
  const asks = async (peer: Peer | undefined, variables: Record<string, string> = {}) => {
    const slot = await openSlot(t, settings, { identifyPeer: () => peer })
    const all = { QHPSI: stage.scanner, ...variables }
    return slot.ask({ variables: all, message: infected })
  }
  const injector = { uid, pid: 1 }
  t.match((await asks(injector)).message.toString('latin1'), /^X-QHPSI: virus found\n/)
  t.equal((await asks({ uid: uid + 1, pid: 1 })).code, 31)
  t.match((await asks(injector, { BOUNCEUSER: 'root' })).reason, /^BOUNCEUSER differs/)
  for (const TCPREMOTEIP of [undefined, '']) {
    const local = TCPREMOTEIP === undefined ? {} : { TCPREMOTEIP }
    t.match((await asks(undefined, local)).reason, /^the kernel does not identify the client$/)
  }
  const fromServer = await asks(undefined, { TCPREMOTEIP: '192.0.2.1' })
  t.equal(fromServer.code, 31, 'a server took it')
  const withoutQmail = await openSlot(
    t,
    { ...settings, BOUNCEUSER: 'nobody-of-this-host' },
    { identifyPeer: () => undefined },
  )
  const local = await withoutQmail.ask({ variables: { QHPSI: stage.scanner }, message: infected })
  t.equal(local.code, 31, 'this host has no qmail-send')
})

t.test(
  "a line of onescan.policy that is about scanners has its own, any other the client's",
  async (t) => {
    const stage = buildStage(t)
    const others = stage.file('others', 'name *.com\n')
    const rules = [
      'to=all.example QHPSI="plugin: eicar attachments"',
      `to=none.example REJECTVIRUS=1 BADATTACHMENTS=${others}`,
      'to=own.example REJECTVIRUS=1\n',
    ].join('\n')
    const slot = await openSlot(t, { ...ownSettings(stage), CONTROLDIR: stage.rules(rules) })
    const message = Buffer.from('Content-Type: text/plain; name=a.exe\n\nbody\n')
    const scannersFor = async (domain: string, variables: Readonly<Record<string, string>>) => {
      const envelope = makeEnvelope(Buffer.from('a@b'), [Buffer.from(`c@${domain}`)]).wire
      const { code, log } = await slot.ask({ variables, message, envelope })
      return [code, /scanner=(\S+)/.exec(log)?.[1]]
    }
    const own = { QHPSI: 'plugin: eicar' }
    t.same(await scannersFor('all.example', own), [undefined, 'attachments'])
    t.same(await scannersFor('all.example', { ...own, REJECTVIRUS: '1' }), [31, 'attachments'])
    t.same(await scannersFor('own.example', own), [undefined, 'eicar'])
    t.same(await scannersFor('own.example', asked), [31, 'attachments'])
    t.same(await scannersFor('none.example', asked), [undefined, 'eicar,attachments'])
  },
)

t.test('names in BADATTACHMENTS are banned though QHPSI does not list the plugin', async (t) => {
  const settings = { QHPSI: 'plugin: eicar', BADATTACHMENTS: '*.exe' }
  const slot = await openSlot(t, settings)
  const message = Buffer.from('Content-Type: text/plain; name=a.exe\n\nbody\n')
  for (const variables of [settings, { QHPSI: settings.QHPSI }]) {
    const got = await slot.ask({ variables: { ...variables, REJECTVIRUS: '1' }, message })
    t.equal(got.code, 31)
    t.match(got.log, / scanner=attachments banned="attachment a\.exe" /)
    t.equal((await slot.ask({ variables, message: plain })).does, 'hand on')
  }
})

t.test('no line of onescan.policy gives a message more time than its client', async (t) => {
  const stage = buildStage(t)
  const QHPSI = stage.file('hangs', '#!/bin/sh\nexec sleep 60\n', 0o700)
  const CONTROLDIR = stage.rules('to=example.org SCANTIMEOUT=50\n')
  const slot = await openSlot(t, { QHPSI, CONTROLDIR })
  const { code, log } = await slot.ask({ variables: { QHPSI }, timeLeft: 500 })
  t.equal(code, 71)
  t.match(log, /rule=1 /)
  t.ok(Number(/scan_ms=([0-9]+)/.exec(log)?.[1]) < 30_000, log)
})
