import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ADDRESS_MAX } from '../../../src/message/envelope/envelope.ts'
import { bytes } from '../../cases/case.ts'
import { infected, plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { multipart, message as nested, text, wrap } from '../../mime/nested-mail.ts'
import { recordedCalls, standInQueue } from '../../stand-in/stand-in.ts'
import { envelope, launcher, newest, runSlot, runtimes } from './slot.ts'

const on = { QHPSI: '/bin/true' }

t.test(
  'an envelope that is cut at any byte queues nothing, and the slot ends with 54',
  { jobs: 2 },
  async (t) => {
    for (let length = 0; length < envelope.length; length++) {
      for (const settings of [on, {}]) {
        const run = await runSlot({ envelope: envelope.subarray(0, length), settings })
        t.equal(run.code, 54, `${length} bytes`)
        t.same(run.left, [])
      }
    }
  },
)

t.test('no message is scanned before its envelope is whole', async (t) => {
  const stage = buildStage()
  t.teardown(stage.remove)
  const run = await runSlot({
    envelope: envelope.subarray(0, -1),
    settings: { QHPSI: stage.scanner },
  })
  t.equal(run.code, 54)
  t.equal(stage.scans(), 0)
  t.match(run.logged, /^onescan: decision=defer fault=read reason="envelope: ended before/)
})

t.test('a wrong letter in the envelope queues nothing, and the slot ends with 91', async (t) => {
  for (const wrong of ['X\0\0', '\0', 'Fa\0Xb\0\0', 'Fa\0Fb\0\0', 'Ta\0\0']) {
    const run = await runSlot({ envelope: bytes(wrong), settings: on })
    t.equal(run.code, 91, JSON.stringify(wrong))
    t.same(run.left, [])
  }
})

t.test(
  'an address of 1,002 bytes is handed on; with a longer one the slot ends with 11',
  async (t) => {
    const longest = 'a'.repeat(ADDRESS_MAX)
    const fits = await runSlot({ envelope: bytes(`F${longest}\0T${longest}\0\0`), settings: on })
    t.same(fits.deliveries[0]?.recipients, [longest])
    for (const wire of [`F${longest}a\0Tb\0\0`, `Fa\0T${longest}a\0\0`]) {
      const run = await runSlot({ envelope: bytes(wire), settings: on })
      t.equal(run.code, 11)
      t.match(run.logged, /decision=reject fault=address-too-long .*exit=11/)
    }
  },
)

t.test(
  'the envelope reaches the chain byte for byte, and the slot does not wait for its end',
  async (t) => {
    const many = Array.from({ length: 50_000 }, (_, i) => `Tuser${i}@example.org\0`).join('')
    for (const wire of [
      'F\0Tb@example.org\0\0',
      'F\0\0',
      'Fa\nb@x\0T\xfc\xff\0T\0Tline\nbreak\0\0',
      `Fa@example.org\0${many}\0`,
    ]) {
      for (const { name, program } of runtimes) {
        const run = await runSlot({
          program,
          envelope: bytes(wire),
          keepEnvelopeOpen: true,
          settings: on,
        })
        t.equal(run.timedOut, false)
        t.ok(run.deliveries[0]?.envelope.equals(bytes(wire)), `${name}, ${wire.length} bytes`)
      }
    }
  },
)

t.test('the message reaches the slot in any pieces', async (t) => {
  const stage = buildStage()
  t.teardown(stage.remove)
  const pieces = Array.from(infected, (_, at) => infected.subarray(at, at + 1))
  const run = await runSlot({ message: pieces, settings: { QHPSI: stage.scanner } })
  t.equal(run.text, `X-QHPSI: virus found\n${infected.toString('latin1')}`)
})

t.test('the exit code of the chain is that of the slot', { jobs: 2 }, async (t) => {
  for (const { name, program } of runtimes) {
    for (const code of [11, 31, 51, 52, 53, 54, 61, 71, 81, 82, 88, 91, 115, 120]) {
      for (const settings of [on, {}]) {
        const run = await runSlot({ program, settings: { ...settings, STANDIN_EXIT: `${code}` } })
        t.equal(run.code, code, name)
      }
    }
  }
})

t.test('if the chain is killed, the slot ends as killed by the same signal', async (t) => {
  for (const { name, program } of runtimes) {
    const run = await runSlot({
      program: [...program, '/bin/sh', '-c', 'kill -SEGV $$'],
      settings: on,
    })
    t.equal(run.signal, 'SIGSEGV', name)
  }
})

t.test('the chain is that of the arguments, or QUEUECHAIN split with quotes', async (t) => {
  const calls = join(t.testdir(), 'calls')
  for (const { program } of runtimes) {
    const words = [standInQueue(), 'one', 'two words']
    await runSlot({
      program: [...program, ...words],
      settings: { ...on, QUEUECHAIN: '/nonexistent', STANDIN_RECORD: calls },
    })
    await runSlot({
      program,
      settings: {
        ...on,
        QUEUECHAIN: `'${standInQueue()}' one "two words"`,
        STANDIN_RECORD: calls,
      },
    })
  }
  const seen = recordedCalls(calls).map((call) => call.arguments.slice(-2))
  t.same(seen, Array(2 * runtimes.length).fill(['one', 'two words']))
})

t.test(
  'without arguments and QUEUECHAIN the chain is the real qmail-queue below QMAILHOME',
  async (t) => {
    const home = t.testdir({ bin: {} })
    symlinkSync(standInQueue(), join(home, 'bin/qmail-queue'))
    const run = await runSlot({
      settings: { ...on, QMAILHOME: home, QUEUECHAIN: undefined },
    })
    t.equal(run.deliveries.length, 1)
  },
)

t.test('a bare name in the chain is looked up in PATH', async (t) => {
  const bin = t.testdir({ 'next-queue': t.fixture('symlink', standInQueue()) })
  const run = await runSlot({
    settings: { ...on, QUEUECHAIN: 'next-queue', PATH: `/nonexistent:${bin}:${process.env.PATH}` },
  })
  t.equal(run.deliveries.length, 1)
})

t.test(
  'with a chain that cannot be executed the slot ends with 120, and logs which and why',
  async (t) => {
    const directory = t.testdir({ plain: 'no program', directory: {} })
    chmodSync(join(directory, 'plain'), 0o644)
    for (const { program } of runtimes) {
      for (const settings of [on, {}]) {
        for (const chain of ['missing', 'plain', 'directory']) {
          const run = await runSlot({
            program,
            settings: { ...settings, QUEUECHAIN: join(directory, chain) },
          })
          t.equal(run.code, 120, chain)
          t.match(run.logged, new RegExp(`fault=chain reason="next program \\S*/${chain}: `))
        }
      }
    }
  },
)

t.test('a chain that is the slot itself is refused', async (t) => {
  const link = join(t.testdir(), 'link')
  symlinkSync(launcher, link)
  for (const chain of [launcher, link]) {
    const run = await runSlot({
      program: [launcher],
      settings: { ...on, PATH: `${join(newest[0]!, '..')}:${process.env.PATH}`, QUEUECHAIN: chain },
    })
    t.equal(run.code, 120)
    t.match(run.logged, /is onescan-queue itself; set QUEUECHAIN/)
  }
})

t.test('an option is refused as a chain', async (t) => {
  for (const option of ['--verbose', '-v']) {
    const run = await runSlot({ program: [...newest, option], settings: on })
    t.equal(run.code, 55)
    t.match(run.logged, `${option}: is no program; onescan-queue takes the next one and no options`)
  }
})

t.test('a script without an interpreter ends in a temporary failure', async (t) => {
  const script = join(t.testdir(), 'script')
  writeFileSync(script, '#!/nonexistent/sh\n', { mode: 0o755 })
  for (const { program } of runtimes) {
    const run = await runSlot({ program, settings: { ...on, QUEUECHAIN: script } })
    t.not(run.code, 0)
    t.ok(run.signal !== undefined || run.code === 120 || run.code === 81, String(run.code))
  }
})

t.test('the chain does not see variables that would make it scan, loop or load code', async (t) => {
  const calls = join(t.testdir(), 'calls')
  const hidden = {
    QHPSI: '/bin/true',
    QHPSIMAXSIZE: '1G',
    QUEUE_PLUGIN: 'x',
    REJECTVIRUS: '1',
    VIRUSFORWARD: 'v@example.org',
    PLUGINDIR: '/plugins',
    QMAILQUEUE: launcher,
    NODE_EXTRA_CA_CERTS: '',
    BUN_BE_BUN: '',
  }
  const kept = { RELAYCLIENT: '', TCPREMOTEIP: '192.0.2.1', DATABYTES: '5', CUSTOM: 'a=b "c"\nd' }
  for (const { program } of runtimes) {
    await runSlot({ program, settings: { ...hidden, ...kept, STANDIN_RECORD: calls } })
  }
  const seen = recordedCalls(calls)
  t.equal(seen.length, runtimes.length)
  for (const { environment } of seen) {
    for (const name of Object.keys(hidden)) t.notOk(name in environment, name)
    t.match(environment, kept)
  }
})

t.test('the slot works in any directory, even one that is gone or not readable', async (t) => {
  const gone = join(t.testdir(), 'gone')
  mkdirSync(gone)
  const program = ['/bin/sh', '-c', `rmdir '${gone}'; exec "$@"`, 'sh', ...newest]
  const run = await runSlot({ program, directory: gone, settings: on })
  t.equal(run.code, 0, run.logged)
})

t.test('the launcher runs the bundle, from any link to it', async (t) => {
  const link = join(t.testdir(), 'onescan-queue')
  symlinkSync(launcher, link)
  for (const bin of runtimes.map(({ program }) => join(program[0]!, '..'))) {
    const run = await runSlot({
      program: [link],
      settings: {
        ...on,
        PATH: `${bin}:${process.env.PATH}`,
        NODE_OPTIONS: '--require /nonexistent',
      },
    })
    t.equal(run.code, 0, run.logged)
    t.match(run.text, /^X-QHPSI: clean\n/)
  }
})

t.test('a launcher that cannot load its bundle defers mail and says why in one line', async (t) => {
  const directory = t.testdir({ bin: { 'package.json': '{}' }, dist: {} })
  const copy = join(directory, 'bin/onescan-queue')
  writeFileSync(copy, readFileSync(launcher), { mode: 0o755 })
  const without = await runSlot({ program: [copy] })
  t.equal(without.code, 81)
  t.match(
    without.logged,
    /^onescan: decision=defer fault=bug reason="Cannot find module [^\n]*" exit=81\n$/,
  )
  const forging = String.raw`a" exit=0 \\\\\nonescan: decision=accept \x1b[0m`
  writeFileSync(join(directory, 'dist/onescan-queue.cjs'), `throw Error('${forging}')`)
  const broken = await runSlot({ program: [copy] })
  t.equal(broken.code, 81)
  t.equal(
    broken.logged,
    'onescan: decision=defer fault=bug reason="a? exit=0 ???onescan: decision=accept ?[0m" exit=81\n',
  )
})

t.test('every way out is one log line, whatever a client sends', async (t) => {
  const message = bytes(
    'Message-ID: <a" decision=accept\\ \x1b[0m\xe9>\n forged=1\nSubject: x\n\nbody\n',
  )
  const run = await runSlot({
    message,
    envelope: bytes('Fa b\nonescan: decision=accept\0Tc\rd\0\0'),
    settings: { ...on, TCPREMOTEIP: '192.0.2.1' },
  })
  t.equal(run.logged.split('\n').length, 2)
  t.match(run.logged, 'remote=192.0.2.1')
  t.match(
    run.logged,
    String.raw`msgid="<a\" decision=accept\\ \x1b[0m\xe9>\x0a forged=1" from="<a b\x0aonescan: decision=accept>" to="<c\x0dd>"`,
  )
})

t.test('a log line is one write that no pipe splits', async (t) => {
  const run = await runSlot({
    message: bytes(`Message-ID: <${'"'.repeat(5000)}>\n\nbody\n`),
    envelope: bytes(`F${'\x01'.repeat(1000)}\0T${'\x02'.repeat(1000)}\0\0`),
    settings: on,
  })
  t.equal(run.code, 0)
  t.ok(run.log.length <= 4096, String(run.log.length))
  t.match(run.logged, /total_ms=[\d.]+\n$/)
})

t.test('LOGFILE takes the log from fd 2', async (t) => {
  const file = join(t.testdir(), 'log')
  const began = Date.now()
  for (let i = 0; i < 2; i++) {
    const run = await runSlot({ settings: { ...on, LOGFILE: file } })
    t.equal(run.logged, '')
  }
  const log = readFileSync(file, 'latin1')
  t.match(log, /^(onescan: decision=accept .* total_ms=\S+ time=\S+Z\n){2}$/)
  for (const [, time] of log.matchAll(/ time=(\S+)\n/g)) {
    const when = Date.parse(time!)
    t.ok(when >= began && when <= Date.now(), `${time}`)
  }
})

t.test('a log that takes nothing never keeps mail', async (t) => {
  const closed = ['/bin/sh', '-c', 'exec "$@" 2>&-', 'sh', ...newest]
  t.equal((await runSlot({ program: closed, settings: on })).code, 0, 'fd 2 closed')
  const full = ['/bin/sh', '-c', 'exec "$@" 2>/dev/full', 'sh', ...newest]
  t.equal((await runSlot({ program: full, settings: on })).code, 0, 'fd 2 full')
  const settings = { ...on, LOGFILE: '/nonexistent/log' }
  t.equal((await runSlot({ settings })).code, 0, 'no LOGFILE')
})

t.test("a bounce of qmail-send's own is tagged and delivered, never refused", async (t) => {
  const stage = buildStage()
  t.teardown(stage.remove)
  const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
  const user = readFileSync('/etc/passwd', 'latin1')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([, , uid]) => Number(uid) === process.getuid?.())?.[0]
  const refused = await runSlot({ message: infected, settings })
  t.equal(refused.code, 31)
  const tagged = await runSlot({
    message: infected,
    settings: { ...settings, BOUNCEUSER: user },
  })
  t.match(tagged.text, /^X-QHPSI: virus found\n/)
  for (const OVERNESTING of ['reject', 'defer']) {
    const message = nested(wrap(20, text, (part) => multipart([part])))
    const own = { ...settings, OVERNESTING }
    t.not((await runSlot({ message, settings: own })).code, 0)
    const untagged = await runSlot({ message, settings: { ...own, BOUNCEUSER: user } })
    t.equal(untagged.code, 0, untagged.logged)
    t.equal(untagged.text, message.toString('latin1'), 'it says nothing of viruses')
  }
})

t.test('fd 0 and fd 1 may be files, and are read from their present offset', async (t) => {
  const directory = t.testdir({ message: `skip${plain.toString('latin1')}` })
  const script = `{ head -c 4 >/dev/null; exec "$@"; } 0<'${directory}/message'`
  const run = await runSlot({
    program: ['/bin/sh', '-c', script, 'sh', ...newest],
    message: Buffer.alloc(0), // else the caller gives up: nobody reads its pipe
    settings: on,
  })
  t.equal(run.code, 0, run.logged)
  t.match(run.text, /^X-QHPSI: clean\n/)
})
