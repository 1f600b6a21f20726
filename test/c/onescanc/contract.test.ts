import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { table } from '../../../src/ground/settings/table.ts'
import { ADDRESS_MAX, ENVELOPE_MAX } from '../../../src/message/envelope/envelope.ts'
import { envelope, runSlot, type SlotSetup } from '../../doors/slot/slot.ts'
import { recordedCalls, standInQueue } from '../../stand-in/stand-in.ts'
import { clients, coldPrograms, missing, onescanc } from './client.ts'
import { accept, answering, bodyAt, insert, keep, scriptedDaemon } from './scripted-daemon.ts'

/** The promises of qmail-queue(8) and onescan-queue(8), kept by the client alone. */

const cold = coldPrograms(t)
const bytes = (text: string) => Buffer.from(text, 'latin1')
/** The default of SCANTIMEOUT. */
const byDefault = String(table.SCANTIMEOUT.default)
const daemon = await scriptedDaemon(
  t,
  answering(accept(bodyAt(12), insert('X-QHPSI: clean\n'), keep(0, 12))),
)
const on = {
  QHPSI: 'plugin: eicar',
  ONESCAN_SOCKET: daemon.socket,
  ONESCAN_COLD: cold.teller,
}

const run = (setup: SlotSetup = {}) =>
  runSlot({ program: [onescanc], ...setup, settings: { ...on, ...setup.settings } })

/** Runs both builds. They must queue nothing, leave no file behind, and ask nobody. */
async function endsIn(t: Test, code: number, log: RegExp, setup: SlotSetup): Promise<void> {
  for (const { name, program } of clients) {
    const { talks, socket } = await scriptedDaemon(t, () => {})
    const ended = await run({
      ...setup,
      program: [...(setup.program ?? []), ...program],
      settings: { ...setup.settings, ONESCAN_SOCKET: socket },
    })
    t.equal(ended.code, code, `${name}: ${ended.logged}`)
    t.match(ended.logged, log)
    t.equal(ended.deliveries.length, 0)
    t.same(ended.left, [])
    t.equal(talks.length, 0, 'the daemon was not asked')
  }
}

t.test('the message and the envelope', { skip: missing, jobs: 2 }, async (t) => {
  t.test('an envelope cut at any byte queues nothing: 54', async (t) => {
    for (let length = 0; length < envelope.length; length++) {
      await endsIn(t, 54, /^onescan: decision=defer fault=read reason="envelope: ended before/, {
        envelope: envelope.subarray(0, length),
      })
    }
  })

  t.test('a wrong letter in the envelope ends with 91', async (t) => {
    for (const wrong of ['X\0\0', '\0', 'Fa\0Xb\0\0', 'Fa\0Fb\0\0', 'Ta\0\0']) {
      await endsIn(t, 91, /fault=envelope/, { envelope: bytes(wrong) })
    }
  })

  t.test('an address of 1,002 bytes is handed on; a longer one is refused: 11', async (t) => {
    const longest = 'a'.repeat(ADDRESS_MAX)
    const fits = await run({ envelope: bytes(`F${longest}\0T${longest}\0\0`) })
    t.same(fits.deliveries[0]?.recipients, [longest])
    for (const wire of [`F${longest}a\0Tb\0\0`, `Fa\0T${longest}a\0\0`]) {
      await endsIn(t, 11, /decision=reject fault=address-too-long .*exit=11/, {
        envelope: bytes(wire),
      })
    }
  })

  t.test('an envelope over 64 MiB ends with 51', async (t) => {
    const recipient = bytes(`T${'a'.repeat(1000)}\0`)
    const chunk = Buffer.concat(Array.from({ length: 1000 }, () => recipient))
    const pieces = Array.from({ length: Math.ceil(ENVELOPE_MAX / chunk.length) }, () => chunk)
    await endsIn(t, 51, /fault=out-of-memory/, { envelope: [bytes('Fa\0'), ...pieces] })
  })

  t.test(
    'the envelope reaches the chain byte for byte, and the client does not wait for its end',
    async (t) => {
      const many = Array.from({ length: 50_000 }, (_, i) => `Tuser${i}@example.org\0`).join('')
      for (const wire of [
        'F\0Tb@example.org\0\0',
        'F\0\0',
        'Fa\nb@x\0T\xfc\xff\0T\0Tline\nbreak\0\0',
        `Fa@example.org\0${many}\0`,
      ]) {
        for (const { name, program } of clients) {
          const ended = await run({ program, envelope: bytes(wire), keepEnvelopeOpen: true })
          t.equal(ended.timedOut, false)
          t.ok(ended.deliveries[0]?.envelope.equals(bytes(wire)), `${name}, ${wire.length} bytes`)
        }
      }
    },
  )

  t.test('message and envelope come in any pieces, also from non-blocking pipes', async (t) => {
    const script =
      'use Fcntl; for (*STDIN, *STDOUT) { fcntl($_, F_SETFL, O_NONBLOCK | fcntl($_, F_GETFL, 0)) } exec @ARGV'
    const single = (whole: Buffer) => Array.from(whole, (_, at) => whole.subarray(at, at + 1))
    const ended = await run({
      program: ['/usr/bin/perl', '-e', script, onescanc],
      message: single(bytes('Subject: x\n\nbody\n')),
      envelope: single(envelope),
    })
    t.equal(ended.text, 'X-QHPSI: clean\nSubject: x\n\nbody\n')
  })

  t.test('fd 0 and fd 1 may be files, and are read from their present offset', async (t) => {
    const directory = t.testdir({ message: 'skipSubject: x\n\nbody\n' })
    const script = `{ head -c 4 >/dev/null; exec "$@"; } 0<'${directory}/message'`
    // Nothing comes by the pipe, which nobody reads: a write that fails would end the envelope.
    const message: Buffer[] = []
    const ended = await run({ program: ['/bin/sh', '-c', script, 'sh', onescanc], message })
    t.equal(ended.text, 'X-QHPSI: clean\nSubject: x\n\nbody\n', ended.logged)
  })

  t.test('if fd 0 or fd 1 is closed or no input, it ends with 54', async (t) => {
    for (const redirection of ['0<&-', '1>&-', '1>/dev/null', '0</']) {
      await endsIn(t, 54, /fault=read/, {
        program: ['/bin/sh', '-c', `exec "$@" ${redirection}`, 'sh'],
      })
    }
  })
})

t.test('the next program', { skip: missing, jobs: 2 }, async (t) => {
  t.test("the next program's exit code is the answer, and its crash stays a crash", async (t) => {
    for (const code of [11, 31, 51, 53, 54, 61, 71, 81, 82, 88, 91, 115, 120]) {
      for (const QHPSI of [on.QHPSI, undefined]) {
        t.equal((await run({ settings: { QHPSI, STANDIN_EXIT: `${code}` } })).code, code)
      }
    }
    const crash = await run({ program: [onescanc, '/bin/sh', '-c', 'kill -SEGV $$'] })
    t.equal(crash.signal, 'SIGSEGV')
  })

  t.test(
    'the next program is argv, else QUEUECHAIN split with quotes, else below QMAILHOME',
    async (t) => {
      const calls = join(t.testdir({ 'my home': { bin: {} } }), 'calls')
      const home = join(calls, '../my home')
      symlinkSync(standInQueue(), join(home, 'bin/qmail-queue'))
      const queue = standInQueue()
      for (const { program } of clients) {
        for (const QHPSI of [on.QHPSI, undefined]) {
          const settings = { QHPSI, STANDIN_RECORD: calls }
          await run({
            program: [...program, queue, 'one', 'two words', ''],
            settings: { ...settings, QUEUECHAIN: '/nonexistent' },
          })
          for (const chain of [
            `'${queue}' one "two words" ''`,
            `\t${queue.slice(0, -3)}"${queue.slice(-3)}"\none 'two w'ords ""  `,
            `"${queue}"   o'n'e two' 'words ""`,
          ]) {
            await run({ program, settings: { ...settings, QUEUECHAIN: chain } })
          }
        }
      }
      const seen = recordedCalls(calls).map((call) => call.arguments)
      t.equal(seen.length, 8 * clients.length)
      for (const words of seen) t.same(words.slice(-3), ['one', 'two words', ''])
      for (const QUEUECHAIN of [undefined, '', ' \t']) {
        const ended = await run({ settings: { QMAILHOME: home, QUEUECHAIN } })
        t.equal(ended.deliveries.length, 1, ended.logged)
      }
    },
  )

  t.test('a bare name is looked up in PATH', async (t) => {
    const directory = t.testdir({
      bin: { 'next-queue': t.fixture('symlink', standInQueue()) },
      decoy: { 'next-queue': {} },
      plain: { 'next-queue': 'not executable' },
    })
    for (const path of ['bin', 'decoy:bin', 'plain:bin', 'nothing:bin:decoy']) {
      const PATH = path.replaceAll(/\w+/g, (name) => `${directory}/${name}`)
      const ended = await run({ settings: { QUEUECHAIN: 'next-queue', PATH } })
      t.equal(ended.deliveries.length, 1, path)
    }
    const here = { QUEUECHAIN: 'next-queue', PATH: ':/nonexistent' }
    const ended = await run({ directory: join(directory, 'bin'), settings: here })
    t.equal(ended.deliveries.length, 1, 'an empty element is the working directory')
  })

  t.test('a program that cannot be executed ends with 120, and is reported', async (t) => {
    const directory = t.testdir({ plain: 'no program', directory: {} })
    for (const QHPSI of [on.QHPSI, undefined]) {
      for (const chain of [join(directory, 'plain'), directory, '/nonexistent', 'no-such-name']) {
        const ended = await run({ settings: { QHPSI, QUEUECHAIN: chain } })
        t.equal(ended.code, 120)
        t.match(ended.logged, `fault=chain reason="next program ${chain}: `)
        t.equal(ended.deliveries.length, 0)
      }
    }
  })

  t.test('the next program is never the client itself', async (t) => {
    const link = join(t.testdir(), 'link')
    symlinkSync(onescanc, link)
    for (const QHPSI of [on.QHPSI, undefined]) {
      for (const QUEUECHAIN of [onescanc, link]) {
        const ended = await run({ settings: { QHPSI, QUEUECHAIN } })
        t.equal(ended.code, 120)
        t.match(ended.logged, /is onescanc itself; set QUEUECHAIN/)
      }
    }
  })

  t.test('an open quote or an option ends with 55', async (t) => {
    for (const QUEUECHAIN of [`'not closed`, `a "b'`, '-v']) {
      await endsIn(t, 55, /fault=config/, { settings: { QUEUECHAIN } })
    }
  })

  t.test('a script without an interpreter ends in a temporary failure', async (t) => {
    const script = join(t.testdir(), 'script')
    writeFileSync(script, '#!/nonexistent/sh\n', { mode: 0o755 })
    const ended = await run({ settings: { QUEUECHAIN: script } })
    t.equal(ended.code, 120)
  })

  t.test(
    'the next program does not see variables that would make it scan, loop or load code',
    async (t) => {
      const calls = join(t.testdir(), 'calls')
      const hidden = {
        QHPSI: 'plugin: eicar',
        QHPSIMAXSIZE: '1G',
        QUEUE_PLUGIN: 'x',
        REJECTVIRUS: '1',
        VIRUSFORWARD: 'v@example.org',
        PLUGINDIR: '/plugins',
        QMAILQUEUE: onescanc,
        NODE_EXTRA_CA_CERTS: '',
        BUN_BE_BUN: '',
      }
      const kept = {
        RELAYCLIENT: '',
        TCPREMOTEIP: '192.0.2.1',
        REJECTVIRUS2: 'x',
        CUSTOM: 'a=b "c"\nd',
        SCANTIMEOUT: '9',
        LD_ALSO: 'kept, as by onescan-queue',
      }
      for (const QHPSI of [hidden.QHPSI, undefined]) {
        await run({ settings: { ...hidden, ...kept, QHPSI, STANDIN_RECORD: calls } })
      }
      const seen = recordedCalls(calls)
      t.equal(seen.length, 2)
      for (const { environment } of seen) {
        for (const name of Object.keys(hidden)) t.notOk(name in environment, name)
        t.match(environment, kept)
      }
    },
  )

  t.test(
    'the next program may send a reply of its own: the error descriptor stays open for it',
    async (t) => {
      for (const QHPSI of [on.QHPSI, undefined]) {
        const ended = await run({
          program: [onescanc, '/bin/sh', '-c', 'echo Zmine >&6; exit 82'],
          errorFd: 6,
          settings: { QHPSI, ERROR_FD: '6' },
        })
        t.equal(ended.code, 82)
        t.equal(ended.errorText.toString(), 'Zmine\n')
      }
    },
  )

  t.test(
    'it has no other descriptor of the client, and SIGPIPE as the caller had it',
    async (t) => {
      const show = 'ls /proc/self/fd >&2; grep SigIgn /proc/self/status >&2'
      const shell = ['/bin/sh', '-c', show]
      for (const prefix of [[], ['/usr/bin/env', '--default-signal=PIPE']]) {
        const without = await run({ program: prefix.length > 0 ? [...prefix, ...shell] : shell })
        const between = await run({ program: [...prefix, onescanc, ...shell] })
        t.equal(between.logged, without.logged)
        t.match(between.logged, prefix.length > 0 ? /SigIgn:\t0+\n$/ : /SigIgn:\t0*1000\n$/)
      }
    },
  )
})

t.test('if onescan is off, both descriptors are untouched', { skip: missing }, async (t) => {
  const CONTROLDIR = t.testdir({ 'onescan.off': '', home: { control: { 'onescan.off': '' } } })
  const chain = '[ -p /dev/stdin ] && [ -p /dev/fd/1 ] && head -c 1 >/dev/null && exit 71; exit 99'
  for (const [settings, why] of [
    [{ QHPSI: undefined }, 'QHPSI is not set'],
    [{ QHPSI: '' }, 'QHPSI is not set'],
    [{ QHPSI: ' \t' }, 'QHPSI is not set'],
    [{ CONTROLDIR }, `${CONTROLDIR}/onescan.off is there`],
    [
      { CONTROLDIR: undefined, QMAILHOME: `${CONTROLDIR}/home` },
      'home/control/onescan.off is there',
    ],
  ] as const) {
    for (const { program } of clients) {
      const asked = daemon.talks.length
      const ended = await run({ program: [...program, '/bin/sh', '-c', chain], settings })
      t.equal(ended.code, 71, ended.logged)
      t.match(
        ended.logged,
        new RegExp(`^onescan: decision=pass reason="\\S*${why}" total_ms=\\S+\n$`),
      )
      t.equal(daemon.talks.length, asked)
    }
  }
})

t.test('the log', { skip: missing, jobs: 2 }, async (t) => {
  const settings = { ONESCAN_SOCKET: '/nonexistent' }

  t.test('the log goes to LOGFILE if that is set', async (t) => {
    const file = join(t.testdir(), 'log')
    const began = Date.now()
    for (const { program } of clients) {
      const ended = await run({ program, settings: { ...settings, LOGFILE: file } })
      t.notMatch(ended.logged, 'onescan:')
    }
    const log = readFileSync(file, 'latin1')
    const lines = log.trimEnd().split('\n')
    t.equal(lines.length, clients.length)
    for (const line of lines) t.match(line, /^onescan: decision=cold .* total_ms=\S+ time=\S+Z$/)
    for (const [, time] of log.matchAll(/ time=(\S+)\n/g)) {
      const when = Date.parse(time!)
      t.ok(when >= began && when <= Date.now(), `${time}`)
    }
  })

  t.test('the log never goes to the error descriptor', async (t) => {
    const ended = await run({ errorFd: 2, settings: { ERROR_FD: '2', QUEUECHAIN: '/nonexistent' } })
    t.equal(ended.code, 120)
    t.equal(ended.errorText.length, 0)
  })

  t.test('the log never keeps mail waiting, and never gets into mail', async (t) => {
    for (const redirection of ['2>&-', '2>/dev/full', '2> >(:)']) {
      for (const { program } of clients) {
        const shell = ['/bin/bash', '-c', `exec "$@" ${redirection}`, 'bash']
        const ended = await run({ program: [...shell, ...program], settings: { QHPSI: 'x' } })
        t.equal(ended.text, 'X-QHPSI: clean\nSubject: x\n\nbody\n', redirection)
        const passed = await run({ program: [...shell, ...program], settings: { QHPSI: '' } })
        t.equal(passed.text, 'Subject: x\n\nbody\n', redirection)
      }
    }
    const LOGFILE = '/nonexistent/log'
    t.equal((await run({ settings: { ...settings, LOGFILE } })).code, 0)
  })

  t.test('the log cannot be forged by a setting', async (t) => {
    const ONESCAN_SOCKET = '/x" decision=accept\n\x1b'
    const ended = await run({ settings: { ONESCAN_SOCKET } })
    t.match(ended.logged, 'reason="onescand at /x? decision=accept??: No such file or directory"')
  })
})

t.test('going cold', { skip: missing, jobs: 2 }, async (t) => {
  const nobody = { ONESCAN_SOCKET: '/nonexistent' }

  t.test('the cold program sees all settings, except those that change its runtime', async (t) => {
    const script = join(t.testdir(), 'cold')
    writeFileSync(script, `#!/bin/sh\nenv >&2; echo "[$*]" >&2; exec '${standInQueue()}'\n`, {
      mode: 0o755,
    })
    const dropped = {
      NODE_OPTIONS: '--require /nonexistent',
      NODE_PATH: '/x',
      BUN_BE_BUN: '1',
      LD_PRELOAD: '',
      LD_LIBRARY_PATH: '/x',
    }
    const ended = await run({
      program: [onescanc, 'next', 'two words'],
      settings: { ...nobody, ...dropped, ONESCAN_COLD: script, REJECTVIRUS: '1', NODE_ENV: 'x' },
    })
    t.equal(ended.code, 0, ended.logged)
    for (const name of Object.keys(dropped)) t.notMatch(ended.logged, new RegExp(`^${name}=`, 'm'))
    t.match(ended.logged, /^REJECTVIRUS=1$/m)
    t.match(ended.logged, /^NODE_ENV=x$/m)
    t.match(ended.logged, /^QHPSI=plugin: eicar$/m)
    t.match(ended.logged, '[next two words]')
  })

  t.test('an invalid SCANTIMEOUT is refused by the cold program itself', async (t) => {
    for (const SCANTIMEOUT of ['soon', '0', '-1', '1.5', '86401', '99999999999999999999']) {
      const ended = await run({ settings: { ...nobody, SCANTIMEOUT } })
      t.match(ended.logged, `COLD [${SCANTIMEOUT}]`)
    }
    for (const [SCANTIMEOUT, seen] of [
      [undefined, byDefault],
      ['', byDefault],
      ['86400', '86400'],
    ] as const) {
      const ended = await run({ settings: { ...nobody, SCANTIMEOUT } })
      t.match(ended.logged, `COLD [${seen}]`)
    }
  })

  t.test(
    'by default the cold program is the one beside the client, whatever link was called',
    async (t) => {
      const directory = t.testdir({ lib: {} })
      copyFileSync(onescanc, join(directory, 'lib/onescanc'))
      copyFileSync(cold.teller, join(directory, 'lib/onescan-queue'))
      symlinkSync('lib/onescanc', join(directory, 'link'))
      const ended = await run({
        program: [join(directory, 'link')],
        settings: { ...nobody, ONESCAN_COLD: undefined },
      })
      t.match(ended.logged, `COLD [${byDefault}]`)
    },
  )

  t.test('without a cold program, or with the client in its place, it ends with 120', async (t) => {
    const alone = join(t.testdir(), 'bin')
    mkdirSync(alone)
    copyFileSync(onescanc, join(alone, 'onescanc'))
    for (const [program, ONESCAN_COLD] of [
      [onescanc, '/nonexistent'],
      [onescanc, onescanc],
      [onescanc, '/'],
      [join(alone, 'onescanc'), undefined],
    ] as const) {
      const ended = await run({ program: [program], settings: { ...nobody, ONESCAN_COLD } })
      t.equal(ended.code, 120)
      t.match(ended.logged, /fault=chain reason="cold program /)
      t.equal(ended.deliveries.length, 0)
    }
  })

  t.test('a socket that cannot be reached makes the client go cold', async (t) => {
    const file = t.testdir({ file: '' })
    for (const socket of ['/nonexistent', `${file}/file`, `/${'x'.repeat(200)}`]) {
      const ended = await run({ settings: { ONESCAN_SOCKET: socket } })
      t.match(ended.logged, /^onescan: decision=cold .*\nCOLD/)
      t.equal(ended.text, 'Subject: x\n\nbody\n')
    }
  })
})
