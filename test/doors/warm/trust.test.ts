import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeEnvelope } from '../../../src/envelope/envelope.ts'
import { TOP_LINE } from '../../../src/message/top-line.ts'
import { infected, plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { openSlot } from './slot-socket.ts'

/** What a client may set, and what makes it go cold: doc/slot-protocol.md, "Trust". */

const ring = 'md5:alpha:sesame\n'

/** As a client puts a message into SPOOLDIR. */
const lent = (message: Buffer) => Buffer.concat([TOP_LINE, message])

function ownSettings(stage: ReturnType<typeof buildStage>): Record<string, string> {
  return {
    QHPSI: 'plugin: eicar attachments',
    CLUSTERKEYS: stage.file('ring', ring),
    BADATTACHMENTS: stage.file('badattachments', 'name *.exe\n'),
    CLAMDBDIR: '/nonexistent',
    SCANTIMEOUT: '60',
    SPOOLDIR: stage.directory,
  }
}

const cold: Record<string, Record<string, string>> = {
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
  'a laxer SCANFAIL_RELAY': { SCANFAIL_RELAY: 'accept' },
  'more time': { SCANTIMEOUT: '61' },
  'tags only for more signatures': { VIRUSTAGONLY: '*' },
  'a variable that is not known here': { ONESCAN_NEW: '1' },
  'a size that makes no sense': { QHPSIMAXSIZE: 'many' },
  'a descriptor that makes no sense': { ERROR_FD: 'six' },
  'a QHPSI that names nothing': { QHPSI: 'plugin:' },
}

for (const [what, variables] of Object.entries(cold)) {
  t.test(`a client that asks for ${what} goes cold, and nothing is signed`, async (t) => {
    const stage = buildStage()
    t.teardown(() => stage.remove())
    const slot = await openSlot(t, ownSettings(stage))
    const own = { QHPSI: 'plugin: eicar attachments' }
    const got = await slot.ask({ variables: { ...own, ...variables }, message: plain })
    t.equal(got.does, 'go cold')
    t.not(got.why, '')
    t.same(slot.log, [], 'which is no trouble of the daemon')
  })
}

const warm: Record<string, Record<string, string>> = {
  'the same settings': { QHPSI: 'plugin: eicar attachments', SCANTIMEOUT: '60' },
  'the same plugins, written otherwise': { QHPSI: "plugin:  'eicar'  attachments" },
  'the plugins in another order': { QHPSI: 'plugin: attachments eicar' },
  'less time': { SCANTIMEOUT: '10' },
  'a stricter SCANFAIL': { SCANFAIL: 'defer', SCANFAIL_RELAY: 'defer' },
  'places of its own': { TMPDIR: '/elsewhere', LOGFILE: '/x', QUEUECHAIN: '/y', PATH: '/z' },
}

for (const [what, variables] of Object.entries(warm)) {
  t.test(`a client that asks for ${what} is answered, and its mail stamped`, async (t) => {
    const stage = buildStage()
    t.teardown(() => stage.remove())
    const slot = await openSlot(t, ownSettings(stage))
    const own = { QHPSI: 'plugin: eicar' }
    const got = await slot.ask({ variables: { ...own, ...variables }, message: plain })
    t.equal(got.does, 'hand on', got.why)
    t.match(got.message.toString('latin1'), /^X-QHPSI: clean\nX-MD5-Cluster-1: /)
  })
}

t.test('a client without QHPSI is not scanned, as without a daemon', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, { QHPSI: stage.scanner, REJECTVIRUS: '1' })
  const got = await slot.ask({ variables: {}, message: infected })
  t.equal(got.does, 'hand on')
  t.ok(got.message.equals(infected))
  t.match(got.log, /decision=pass reason="QHPSI is not set"/)
  t.equal(stage.scans(), 0)
})

t.test('a client with QHPSI goes cold where the daemon has none', async (t) => {
  const slot = await openSlot(t, {})
  t.match((await slot.ask({ variables: { QHPSI: 'plugin: eicar' } })).why, /QHPSI/)
})

t.test("a setting that the client does not have is the daemon's", async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, { QHPSI: stage.scanner, REJECTVIRUS: '1', RELAYCLIENT: '' })
  const refused = await slot.ask({ variables: { QHPSI: stage.scanner }, message: infected })
  t.equal(refused.code, 31)
  const variables = { QHPSI: stage.scanner, REJECTVIRUS: '0' }
  const tagged = await slot.ask({ variables, message: infected })
  t.match(tagged.message.toString('latin1'), /^X-QHPSI: virus found\n/)
})

t.test('mail is dropped only for a client that has REJECTVIRUS=2 itself', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, { QHPSI: stage.scanner, REJECTVIRUS: '2' })
  const own = { QHPSI: stage.scanner }
  t.equal((await slot.ask({ variables: own, message: infected })).does, 'go cold')
  const asking = { ...own, REJECTVIRUS: '2' }
  t.equal((await slot.ask({ variables: asking, message: infected })).code, 0)
})

t.test('what is known of a connection is never the environment of the daemon', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, {
    QHPSI: stage.scanner,
    SCANFAIL_RELAY: 'accept',
    RELAYCLIENT: '',
    ERROR_FD: '6',
    ERROR_EXIT: '88',
  })
  const message = Buffer.from('Subject: x\n\nTROUBLE\n')
  const variables = { QHPSI: stage.scanner }
  t.equal((await slot.ask({ variables, message, takesReply: true })).code, 71)
})

t.test('a text goes only to a client that takes it', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
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
  t.same(await ask({ ERROR_EXIT: '88' }, false), [33, ''])
})

t.test("what may be qmail-send's own bounce is not refused here", async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, { QHPSI: stage.scanner, REJECTVIRUS: '1' })
  const ask = (sender: string, variables: Record<string, string> = {}, message = infected) =>
    slot.ask({
      variables: { QHPSI: stage.scanner, ...variables },
      envelope: makeEnvelope(Buffer.from(sender), [Buffer.from('b@example.org')]).wire,
      message,
    })
  t.match((await ask('')).why, /bounce/)
  t.match((await ask('#@[]')).why, /bounce/)
  t.equal((await ask('', { TCPREMOTEIP: '192.0.2.1' })).code, 31, 'a server took it')
  t.equal((await ask('a@example.org')).code, 31)
  t.equal((await ask('', {}, plain)).does, 'hand on')
})

t.test('a message in a file of SPOOLDIR is read there, and stamped', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, ownSettings(stage))
  const message = Buffer.concat([plain, Buffer.alloc(3_000_000, 'line\n')])
  const path = stage.file('onescan-1-1.msg', lent(message))
  const asked = { variables: { QHPSI: 'plugin: eicar' }, message }
  const byPath = await slot.ask({ ...asked, path })
  const bySocket = await slot.ask(asked)
  t.match(byPath.message.toString('latin1', 0, 60), /^X-QHPSI: clean\nX-MD5-Cluster-1: /)
  t.ok(byPath.message.equals(bySocket.message), 'the same stamp as for the same bytes')
})

t.test('no other file is read', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, ownSettings(stage))
  const message = stage.file('message', lent(plain))
  mkdirSync(join(stage.directory, 'below'))
  const below = stage.file('below/message', lent(plain))
  symlinkSync(message, join(stage.directory, 'link'))
  symlinkSync('/etc', join(stage.directory, 'below/etc'))
  const outside = join(slot.directory, 'message')
  writeFileSync(outside, lent(plain))
  const ask = (path: string, size = plain.length) =>
    slot.ask({ variables: { QHPSI: 'plugin: eicar' }, message: plain, path, size })
  t.equal((await ask(message)).does, 'hand on')
  for (const path of [
    outside,
    below,
    join(stage.directory, 'link'),
    `${stage.directory}/below/etc/../message`,
    `${stage.directory}/..`,
    `${stage.directory}/missing`,
    stage.directory,
    '/etc/passwd',
    'message',
    '',
  ]) {
    t.equal((await ask(path)).does, 'go cold', JSON.stringify(path))
  }
  t.equal((await ask(message, plain.length - 1)).does, 'go cold', 'another size')
  const bare = stage.file('bare', Buffer.concat([Buffer.alloc(TOP_LINE.length, 'x'), plain]))
  t.equal((await ask(bare)).does, 'go cold', 'another first line')
})

t.test("a file of somebody else's, or under a second name, is not read", async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, ownSettings(stage))
  const strange = await openSlot(t, ownSettings(stage), {
    identifyPeer: () => ({ uid: 1, pid: 1 }),
  })
  const unknown = await openSlot(t, ownSettings(stage), { identifyPeer: () => undefined })
  const path = stage.file('message', lent(plain))
  const asked = { variables: { QHPSI: 'plugin: eicar' }, message: plain, path }
  t.equal((await slot.ask(asked)).does, 'hand on')
  t.match(await strange.ask(asked), { does: 'go cold', why: /belongs to user/ })
  t.match(await unknown.ask(asked), { does: 'go cold', why: /nobody knows whom/ })
  linkSync(path, join(stage.directory, 'second-name'))
  t.match(await slot.ask(asked), { does: 'go cold', why: /has 2 names/ })
})

t.test('a file that was exchanged while it was scanned makes the client go cold', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const swap = '#!/bin/sh\nmv "$1" "$1-away" && echo clean >"$1"\n'
  const QHPSI = stage.file('exchanging-scanner', swap, 0o700)
  const slot = await openSlot(t, { ...ownSettings(stage), QHPSI })
  const path = stage.file('message', lent(plain))
  const got = await slot.ask({ variables: { QHPSI }, message: plain, path })
  t.match(got, { does: 'go cold', why: /was changed while it was scanned/ })
})

t.test('what its owner changes through a mapping while it is scanned is not stamped', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const message = Buffer.concat([plain, Buffer.from('VIRUS\n'), Buffer.alloc(100_000, 'a line\n')])
  const path = stage.file('message', lent(message))
  const exchange = join(stage.directory, 'exchange')
  // Says "ready" when its mapping can be written to without any further fault.
  const owner = spawn('python3', ['-c', OWNER, path, exchange], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => owner.kill())
  await once(owner.stdout, 'data')
  const QHPSI = stage.file(
    'scanner-that-is-waited-for',
    `#!/bin/sh
touch '${exchange}'
while test -e '${exchange}'; do sleep 0.01; done
exec '${stage.scanner}' "$1"
`,
    0o700,
  )
  const slot = await openSlot(t, { ...ownSettings(stage), QHPSI, REJECTVIRUS: '1' })
  const got = await slot.ask({ variables: { QHPSI }, message, path })
  t.match(got, { does: 'end', code: 31 }, 'what was hashed is what was scanned')
  t.equal(stage.scans(), 1)
})

/** Takes the virus out of its own file when it is told to, and the file's times stay. */
const OWNER = `
import mmap, os, sys, time
path, exchange = sys.argv[1:]
with open(path, 'r+b') as file: mapped = mmap.mmap(file.fileno(), 0)
mapped[:] = mapped[:]
print('ready', flush=True)
while not os.path.exists(exchange): time.sleep(0.01)
at = mapped.find(b'VIRUS')
mapped[at:at + 5] = b'CLEAN'
os.unlink(exchange)
`

t.test('where everybody may connect, a message in a file is scanned and not stamped', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, ownSettings(stage), { ownersTrusted: false })
  const path = stage.file('message', lent(plain))
  const asked = { variables: { QHPSI: 'plugin: eicar' }, message: plain }
  const byPath = await slot.ask({ ...asked, path })
  t.ok(byPath.message.equals(Buffer.concat([Buffer.from('X-QHPSI: clean\n'), plain])))
  t.match(byPath.log, /a file that its owner may change/)
  const bySocket = await slot.ask(asked)
  t.match(bySocket.message.toString('latin1'), /X-MD5-Cluster-1/)
})

t.test('an answer that is too long for the protocol is none', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const variables = { QHPSI: stage.scanner, VIRUSFORWARD: 'virus@example.org' }
  const slot = await openSlot(t, { QHPSI: stage.scanner })
  const recipients = Array.from({ length: 5000 }, (_, n) => Buffer.from(`${n}.${'r'.repeat(60)}`))
  const envelope = makeEnvelope(Buffer.from('a@example.org'), recipients).wire
  const got = await slot.ask({ variables, envelope, message: infected })
  t.match(got.why, /an answer of \d+ bytes/)
})
