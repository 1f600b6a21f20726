import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { frame } from '../../../src/doors/slot-socket/frames.ts'
import type { Peer } from '../../../src/doors/slot-socket/peer.ts'
import { descriptorOf } from '../../../src/ground/net/descriptor-of.ts'
import { loadPassedDescriptors } from '../../../src/ground/net/passed-descriptors.ts'
import { passwdEntryOf, readPasswd } from '../../../src/ground/process/passwd.ts'
import { makeEnvelope } from '../../../src/message/envelope/envelope.ts'
import { TOP_LINE } from '../../../src/message/top-line.ts'
import { infected, plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { call, carryOut, framesOf, hearOut } from './client.ts'
import { openSlot } from './slot-socket.ts'

/** What a client may set, and what makes it go cold: onescand(8), CLIENTS OF THE SLOT. */

const ring = 'md5:alpha:sesame\n'

const passing = (await loadPassedDescriptors())!

function ownSettings(stage: ReturnType<typeof buildStage>): Record<string, string> {
  return {
    QHPSI: 'plugin: eicar attachments',
    CLUSTERKEYS: stage.file('ring', ring),
    BADATTACHMENTS: stage.file('badattachments', 'name *.exe\n'),
    CLAMDBDIR: '/nonexistent',
    SCANTIMEOUT: '60',
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

t.test('a client that accepts what the daemon keeps goes cold', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const keeps = { SCANFAIL: 'quarantine', QUARANTINE: stage.file('kept/x', '').replace(/\/x$/, '') }
  const slot = await openSlot(t, { ...ownSettings(stage), ...keeps })
  const variables = { QHPSI: 'plugin: eicar attachments', SCANFAIL: 'accept' }
  const got = await slot.ask({ variables, message: plain })
  t.equal(got.does, 'go cold')
  t.match(got.why, /SCANFAIL is laxer/)
})

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

t.test(
  "a client's connection is described by its own variables, never by the daemon's",
  async (t) => {
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
  },
)

t.test('the text of a reply goes only to a client that takes it', async (t) => {
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

t.test('the user of the process that asks says whether qmail-send injects a bounce', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1', BOUNCEUSER: 'daemon' }
  const uid = passwdEntryOf('daemon', readPasswd())!.uid
  const asks = async (peer: Peer | undefined, variables: Record<string, string> = {}) => {
    const slot = await openSlot(t, settings, { identifyPeer: () => peer })
    const all = { QHPSI: stage.scanner, ...variables }
    return slot.ask({ variables: all, message: infected })
  }
  const injector = { uid, pid: 1 }
  t.match((await asks(injector)).message.toString('latin1'), /^X-QHPSI: virus found\n/)
  t.equal((await asks({ uid: uid + 1, pid: 1 })).code, 31)
  t.match((await asks(injector, { BOUNCEUSER: 'root' })).why, /^BOUNCEUSER is another/)
  for (const TCPREMOTEIP of [undefined, '']) {
    const local = TCPREMOTEIP === undefined ? {} : { TCPREMOTEIP }
    t.match((await asks(undefined, local)).why, /^the kernel does not tell who asks$/)
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

t.test('no line of onescan.policy gives a message more time than its client', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const QHPSI = stage.file('hangs', '#!/bin/sh\nexec sleep 60\n', 0o700)
  const rules = stage.file('control/onescan.policy', 'to=example.org SCANTIMEOUT=50\n')
  const slot = await openSlot(t, { QHPSI, CONTROLDIR: dirname(rules) })
  const { code, log } = await slot.ask({ variables: { QHPSI }, timeLeft: 500 })
  t.equal(code, 71)
  t.match(log, /rule=1 /)
  t.ok(Number(/scan_ms=([0-9]+)/.exec(log)?.[1]) < 30_000, log)
})

/**
 * What a client hands over: a file in memory, below the line for scanners; closed with the test.
 */
function memoryFile(
  t: { teardown(end: () => void): void },
  bytes: Buffer,
  front = TOP_LINE,
): number {
  const file = passing.memoryFile()
  t.teardown(() => closeSync(file))
  writeSync(file, Buffer.concat([front, bytes]))
  return file
}

t.test(
  'a message that is handed over gets the same stamp as one that is sent, sealed or not',
  async (t) => {
    const stage = buildStage()
    t.teardown(() => stage.remove())
    const slot = await openSlot(t, ownSettings(stage))
    for (const size of [0, 3_000_000]) {
      const message = Buffer.concat([plain, Buffer.alloc(size, 'line\n')])
      const asked = { variables: { QHPSI: 'plugin: eicar' }, message }
      const sent = await slot.ask(asked)
      t.match(sent.message.toString('latin1', 0, 60), /^X-QHPSI: clean\nX-MD5-Cluster-1: /)
      const file = memoryFile(t, message)
      const open = { ...asked, handed: file, offset: TOP_LINE.length }
      t.ok((await slot.ask(open)).message.equals(sent.message), 'a copy')
      passing.seal(file)
      t.ok((await slot.ask(open)).message.equals(sent.message), 'sealed')
      const onDisk = stage.file('on-disk', message)
      const disk = openSync(onDisk, 'r')
      t.ok((await slot.ask({ ...asked, handed: disk, offset: 0 })).message.equals(sent.message))
      closeSync(disk)
    }
  },
)

t.test('a file that is sealed in part is copied', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, ownSettings(stage))
  for (const seals of [1, 2, 4, 6, 7, 8, 14]) {
    const file = memoryFile(t, plain)
    const script = `import fcntl; fcntl.fcntl(3, 1033, ${seals})`
    execFileSync('python3', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit', file] })
    t.notOk(passing.isSealed(file), `${seals}`)
    const asked = { variables: { QHPSI: 'plugin: eicar' }, handed: file, offset: TOP_LINE.length }
    t.equal((await slot.ask({ ...asked, message: plain })).does, 'hand on')
  }
})

t.test('a descriptor that is no file of the announced size is not read', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, ownSettings(stage))
  const before = openCount()
  const ask = (handed: number, offset: number, size = plain.length) =>
    slot.ask({ variables: { QHPSI: 'plugin: eicar' }, message: plain, handed, offset, size })
  const file = memoryFile(t, plain)
  passing.seal(file)
  t.equal((await ask(file, TOP_LINE.length)).does, 'hand on')
  t.match(await ask(file, TOP_LINE.length, plain.length - 1), {
    does: 'go cold',
    why: /not a regular/,
  })
  t.match(await ask(file, TOP_LINE.length, plain.length + 1), {
    does: 'go cold',
    why: /not a regular/,
  })
  t.match(await ask(file, 2 ** 60), { does: 'go cold' })
  for (const [path, flags] of [
    ['/dev/zero', 'r'],
    ['/dev/null', 'r+'],
    ['/proc/self/maps', 'r'],
    [stage.directory, 'r'],
  ] as const) {
    const other = openSync(path, flags)
    t.match(await ask(other, 0), { does: 'go cold' }, path)
    closeSync(other)
  }
  await slot.close(0)
  t.equal(openCount(), before, 'all of them are closed')
})

t.test('a client that hands no file over is asked for the bytes', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const settings = ownSettings(stage)
  const slot = await openSlot(t, settings)
  const without = await openSlot(t, settings, { passing: undefined })
  const asked = { variables: { QHPSI: 'plugin: eicar' }, message: plain, offset: TOP_LINE.length }
  const file = memoryFile(t, plain)
  passing.seal(file)
  const wanted = (await slot.ask({ ...asked, handed: file })).message
  t.ok((await slot.ask(asked)).message.equals(wanted), 'none')
  t.ok((await without.ask({ ...asked, handed: file })).message.equals(wanted), 'no way to take it')

  const frames = Buffer.concat(framesOf(asked))
  const message = Buffer.concat([frame('M', plain), frame('.')])
  const ways: Record<string, (connection: Socket) => Promise<void> | void> = {
    async late(connection) {
      connection.write(frames.subarray(0, 20))
      await new Promise((resolve) => setTimeout(resolve, 100))
      passing.send(descriptorOf(connection)!, frames.subarray(20), file)
    },
    hundreds(connection) {
      const script = `import socket, array
connection = socket.socket(fileno=3)
connection.sendmsg([open(0, 'rb').read()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [4] * 250))])`
      const fd = descriptorOf(connection)!
      execFileSync('python3', ['-c', script], {
        input: frames,
        stdio: ['pipe', 'inherit', 'inherit', fd, file],
      })
    },
  }
  for (const [what, way] of Object.entries(ways)) {
    const connection = await call(slot.socket)
    await way(connection)
    const heard = await hearOut(connection, () => connection.write(message))
    t.match(heard.tags, /m/, what)
    t.ok(carryOut(heard, asked).message.equals(wanted), what)
  }
})

t.test(
  'the first piece of a request brings the descriptor, and a second descriptor is dropped',
  async (t) => {
    const stage = buildStage()
    t.teardown(() => stage.remove())
    const slot = await openSlot(t, ownSettings(stage))
    const before = openCount()
    const asked = { variables: { QHPSI: 'plugin: eicar' }, message: plain, offset: TOP_LINE.length }
    const frames = Buffer.concat(framesOf(asked))
    const [file, other] = [memoryFile(t, plain), memoryFile(t, Buffer.from('Subject: other\n\n'))]
    passing.seal(file)
    for (const at of [1, 4, 9, 50, frames.length - 1]) {
      const connection = await call(slot.socket)
      await new Promise((resolve) => setTimeout(resolve, 20)) // it is looked at before anything came
      passing.send(descriptorOf(connection)!, frames.subarray(0, at), file)
      await new Promise((resolve) => setTimeout(resolve, 20))
      passing.send(descriptorOf(connection)!, frames.subarray(at), other)
      const heard = await hearOut(connection, () => t.fail('it was asked for'))
      t.match(carryOut(heard, asked).message.toString('latin1'), /X-MD5-Cluster-1: /, `${at}`)
      t.ok(carryOut(heard, asked).message.includes(plain))
    }
    await slot.close(0)
    t.ok(openCount() <= before + 2, 'all but those of this test are closed')
  },
)

t.test('a client that goes away, or says nothing, leaves nothing open', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const slot = await openSlot(t, ownSettings(stage))
  const file = memoryFile(t, plain)
  const before = openCount()
  const frames = Buffer.concat(framesOf({ offset: TOP_LINE.length, message: plain }))
  for (let n = 0; n < 20; n++) {
    const connection = await call(slot.socket)
    if (n % 4 > 0)
      passing.send(descriptorOf(connection)!, frames.subarray(0, [0, 1, 30, 1000][n % 4]), file)
    if (n % 3 > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    connection.destroy()
    await once(connection, 'close')
  }
  await slot.close(1000)
  t.ok(openCount() <= before, `${openCount()} of ${before}`)
})

t.test(
  'a file that its owner changes through a mapping during the scan is not stamped',
  async (t) => {
    const stage = buildStage()
    t.teardown(() => stage.remove())
    const exchange = join(stage.directory, 'exchange')
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
    for (const size of [100_000, 3_000_000]) {
      const message = Buffer.concat([plain, Buffer.from('VIRUS\n'), Buffer.alloc(size, 'a line\n')])
      const file = memoryFile(t, message)
      // Says "ready" when its mapping can be written to without any further fault.
      const owner = spawn('python3', ['-c', OWNER, exchange], {
        stdio: ['ignore', 'pipe', 'inherit', file],
      })
      t.teardown(() => owner.kill())
      await once(owner.stdout!, 'data')
      t.notOk(passing.seal(file), 'nobody can seal what is mapped for writing')
      const got = await slot.ask({
        variables: { QHPSI },
        message,
        handed: file,
        offset: TOP_LINE.length,
      })
      t.match(got, { does: 'end', code: 31 }, 'what was hashed is what was scanned')
    }
  },
)

/** A client that takes the virus out of its own file when it is told to. */
const OWNER = `
import mmap, os, sys, time
exchange = sys.argv[1]
mapped = mmap.mmap(3, 0)
mapped[:] = mapped[:]
print('ready', flush=True)
while not os.path.exists(exchange): time.sleep(0.01)
at = mapped.find(b'VIRUS')
mapped[at:at + 5] = b'CLEAN'
os.unlink(exchange)
time.sleep(100)
`

const openCount = () => readdirSync('/proc/self/fd').length

t.test('a client goes cold if the answer is too long for the protocol', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const variables = { QHPSI: stage.scanner, VIRUSFORWARD: 'virus@example.org' }
  const slot = await openSlot(t, { QHPSI: stage.scanner })
  const recipients = Array.from({ length: 5000 }, (_, n) => Buffer.from(`${n}.${'r'.repeat(60)}`))
  const envelope = makeEnvelope(Buffer.from('a@example.org'), recipients).wire
  const got = await slot.ask({ variables, envelope, message: infected })
  t.match(got.why, /an answer of \d+ bytes/)
})
