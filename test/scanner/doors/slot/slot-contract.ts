import {
  chmodSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { ADDRESS_MAX, ENVELOPE_MAX } from '../../../../src/mail/message/envelope.ts'
import { bytes } from '../../../cases/case.ts'
import { lacks } from '../../../needs.mjs'
import { cannotHang, mountHanging } from '../../../programs/host/hanging-mount.ts'
import { openDirectory, reachable } from '../../../programs/host/reachable.ts'
import { recordedCalls, standInQueue } from '../../../stand-in/stand-in.ts'
import { envelope, runSlot, type SlotSetup } from './slot.ts'

/** A program in the slot. */
export interface SlotProgram {
  readonly name: string
  readonly program: readonly string[]
  /** With which a message is scanned and found clean, QHPSI among them. */
  readonly settings: Readonly<Record<string, string>>
  /** How often others were asked about a message so far. */
  readonly asked: () => number
}

const message = bytes('Subject: x\n\nbody\n')
const tagged = 'X-QHPSI: clean\nSubject: x\n\nbody\n'

/** What qmail-queue(8) and onescan-queue(8) promise, of whichever program is in the slot. */
export async function keepsContract(t: Test, subject: SlotProgram): Promise<void> {
  const { program, asked } = subject
  const path = program.at(-1)!
  const run = (setup: SlotSetup = {}) =>
    runSlot({ program, message, ...setup, settings: { ...subject.settings, ...setup.settings } })
  /** With scanning, and without: the next program is called either way. */
  const ways = [subject.settings.QHPSI, undefined]

  /** Nothing is queued, nothing is left behind, and nobody is asked. */
  async function endsIn(t: Test, code: number, log: RegExp, setup: SlotSetup): Promise<void> {
    const before = asked()
    const ended = await run(setup)
    t.equal(ended.code, code, ended.logged)
    t.match(ended.logged, log)
    t.equal(ended.deliveries.length, 0)
    t.same(ended.left, [])
    t.equal(asked(), before)
  }

  // promise: step-2-receive, rule-4-locks, rule-6-acknowledge
  await t.test('an envelope that is cut at any byte queues nothing: 54', async (t) => {
    for (let length = 0; length < envelope.length; length++) {
      const cut = envelope.subarray(0, length)
      const log = /^onescan: decision=defer fault=read reason="envelope: ended before/
      await endsIn(t, 54, log, { envelope: cut })
      await endsIn(t, 54, /decision=pass/, { envelope: cut, settings: { QHPSI: undefined } })
    }
  })

  // promise: step-2-receive
  await t.test('a wrong letter in the envelope queues nothing: 91', async (t) => {
    for (const wrong of ['X\0\0', '\0', 'Fa\0Xb\0\0', 'Fa\0Fb\0\0', 'Ta\0\0']) {
      await endsIn(t, 91, /fault=envelope/, { envelope: bytes(wrong) })
    }
  })

  // promise: step-2-receive
  await t.test('an address of 1,002 bytes is passed on; a longer one ends in 11', async (t) => {
    const longest = 'a'.repeat(ADDRESS_MAX)
    const fits = await run({ envelope: bytes(`F${longest}\0T${longest}\0\0`) })
    t.same(fits.deliveries[0]?.recipients, [longest])
    for (const wire of [`F${longest}a\0Tb\0\0`, `Fa\0T${longest}a\0\0`]) {
      const log = /decision=reject fault=address-too-long .*exit=11/
      await endsIn(t, 11, log, { envelope: bytes(wire) })
    }
  })

  await t.test('an envelope of over 64 MiB queues nothing: 51', async (t) => {
    const recipients = bytes(`T${'a'.repeat(510)}\0`.repeat(2048))
    const wire = (pieces: number) => [bytes('Fa\0'), ...Array(pieces).fill(recipients), bytes('\0')]
    const fits = Math.floor(ENVELOPE_MAX / recipients.length) - 1
    const ended = await run({ envelope: wire(fits) })
    t.equal(ended.deliveries[0]?.recipients.length, fits * 2048)
    const log = /fault=out-of-memory reason="envelope: is larger than (67108864 bytes|64 MiB)"/
    await endsIn(t, 51, log, { envelope: wire(fits + 2) })
  })

  // promise: step-6-put, rule-11-recipients
  await t.test('the envelope is passed on byte for byte, before its pipe is closed', async (t) => {
    const many = Array.from({ length: 50_000 }, (_, i) => `Tuser${i}@example.org\0`).join('')
    for (const wire of [
      'F\0Tb@example.org\0\0',
      'F\0\0',
      'Fa\nb@x\0T\xfc\xff\0T\0Tline\nbreak\0\0',
      `Fa@example.org\0${many}\0`,
    ]) {
      const ended = await run({ envelope: bytes(wire), keepEnvelopeOpen: true })
      t.equal(ended.timedOut, false)
      t.ok(ended.deliveries[0]?.envelope.equals(bytes(wire)), `${wire.length} bytes`)
    }
  })

  // promise: step-2-receive, step-5-edit
  await t.test('message and envelope come in any pieces', async (t) => {
    const single = (whole: Buffer) => Array.from(whole, (_, at) => whole.subarray(at, at + 1))
    const ended = await run({ message: single(message), envelope: single(envelope) })
    t.equal(ended.text, tagged)
  })

  await t.test('fd 0 may be a file, and is read from its present offset', async (t) => {
    const directory = t.testdir({ message: `skip${message}` })
    const script = `{ head -c 4 >/dev/null; exec "$@"; } 0<'${directory}/message'`
    // Nothing comes by the pipe, which nobody reads: a write that fails would end the envelope.
    const shell = ['/bin/sh', '-c', script, 'sh', ...program]
    const ended = await run({ program: shell, message: [] })
    t.equal(ended.text, tagged, ended.logged)
  })

  // promise: step-2-receive
  await t.test('if fd 0 or fd 1 is closed or no input, it ends in 54', async (t) => {
    for (const redirection of ['0<&-', '1>&-', '1>/dev/null', '0</']) {
      const shell = ['/bin/sh', '-c', `exec "$@" ${redirection}`, 'sh', ...program]
      const log = redirection === '1>/dev/null' ? /fault=read .*; to try it by hand/ : /fault=read/
      await endsIn(t, 54, log, { program: shell })
    }
    const closed = ['/bin/sh', '-c', 'exec "$@" 0<&-', 'sh', ...program]
    await endsIn(t, 54, /fault=read/, { program: closed, settings: { QHPSI: undefined } })
  })

  // promise: only-chain-accepts, rule-6-acknowledge
  await t.test("the next program's exit code is the answer", { jobs: 2 }, async (t) => {
    for (const code of [11, 31, 51, 52, 53, 54, 61, 71, 81, 82, 88, 91, 115, 120]) {
      for (const QHPSI of ways) {
        t.equal((await run({ settings: { QHPSI, STANDIN_EXIT: `${code}` } })).code, code)
      }
    }
  })

  // promise: only-chain-accepts, step-7-become
  await t.test('a crash of the next program stays a crash', async (t) => {
    const crash = await run({ program: [...program, '/bin/sh', '-c', 'kill -SEGV $$'] })
    t.equal(crash.signal, 'SIGSEGV')
  })

  await t.test('the next program is argv, else QUEUECHAIN, else below QMAILHOME', async (t) => {
    const calls = join(t.testdir({ 'my home': { bin: {} } }), 'calls')
    const home = join(calls, '../my home')
    const queue = standInQueue()
    symlinkSync(queue, join(home, 'bin/qmail-queue'))
    for (const QHPSI of ways) {
      const settings = { QHPSI, STANDIN_RECORD: calls }
      await run({
        program: [...program, queue, 'one', 'two words', ''],
        settings: { ...settings, QUEUECHAIN: '/nonexistent' },
      })
      for (const QUEUECHAIN of [
        `'${queue}' one "two words" ''`,
        `\t${queue.slice(0, -3)}"${queue.slice(-3)}"\none 'two w'ords ""  `,
        `"${queue}"   o'n'e two' 'words ""`,
      ]) {
        await run({ settings: { ...settings, QUEUECHAIN } })
      }
    }
    const seen = recordedCalls(calls).map((call) => call.arguments)
    t.equal(seen.length, 8)
    for (const words of seen) t.same(words.slice(-3), ['one', 'two words', ''])
    for (const QUEUECHAIN of [undefined, '', ' \t']) {
      const ended = await run({ settings: { QMAILHOME: home, QUEUECHAIN } })
      t.equal(ended.deliveries.length, 1, ended.logged)
    }
  })

  const inPath = { skip: lacks('C compiler') } // the stand-in as a script needs a PATH itself
  await t.test('a bare name of the next program is looked up in PATH', inPath, async (t) => {
    const directory = t.testdir({
      bin: { 'next-queue': t.fixture('symlink', standInQueue()) },
      decoy: { 'next-queue': {} },
      plain: { 'next-queue': 'not executable' },
    })
    for (const places of ['bin', 'decoy:bin', 'plain:bin', 'nothing:bin:decoy']) {
      const PATH = `${places.replaceAll(/\w+/g, (name) => `${directory}/${name}`)}`
      const ended = await run({ settings: { QUEUECHAIN: 'next-queue', PATH } })
      t.equal(ended.deliveries.length, 1, places)
    }
    const here = { QUEUECHAIN: 'next-queue', PATH: ':/nonexistent' }
    const ended = await run({ directory: join(directory, 'bin'), settings: here })
    t.equal(ended.deliveries.length, 1, 'an empty element is the working directory')
  })

  // promise: step-5-edit
  await t.test('a next program that cannot be executed ends in 120, and is named', async (t) => {
    const directory = t.testdir({ plain: 'no program', directory: {} })
    chmodSync(join(directory, 'plain'), 0o644)
    for (const QHPSI of ways) {
      for (const chain of [join(directory, 'plain'), directory, '/nonexistent', 'no-such-name']) {
        const ended = await run({ settings: { QHPSI, QUEUECHAIN: chain } })
        t.equal(ended.code, 120)
        t.match(ended.logged, `fault=next-hop reason="next program ${chain}: `)
        t.match(
          ended.logged,
          '; remove QUEUECHAIN (qmail-queue is the default), or set it to another program that does not call onescan"',
        )
        t.equal(ended.deliveries.length, 0)
      }
    }
  })

  await t.test(
    'a script as qmail-queue that calls the slot ends in 120: ONESCAN_DEPTH',
    async (t) => {
      const home = t.testdir({ bin: {} })
      const script = join(home, 'bin/qmail-queue')
      const words = program.map((word) => `'${word}'`).join(' ')
      writeFileSync(script, `#!/bin/sh\nexec ${words}\n`, { mode: 0o755 })
      for (const QHPSI of ways) {
        for (const leads of [{ QUEUECHAIN: script }, { QUEUECHAIN: undefined, QMAILHOME: home }]) {
          const ended = await run({ settings: { QHPSI, ...leads } })
          t.equal(ended.code, 120)
          t.match(
            ended.logged,
            `fault=next-hop reason="next program ${script}: leads back to onescan; `,
          )
          t.match(
            ended.logged,
            '; remove QUEUECHAIN (qmail-queue is the default), or set it to another program that does not call onescan"',
          )
          t.equal(ended.logged.match(/fault=/g)?.length, 1)
          t.equal(ended.deliveries.length, 0)
        }
      }
    },
  )

  await t.test('two programs of the slot in a row pass mail on: ONESCAN_DEPTH', async (t) => {
    for (const [depth, code] of [
      [undefined, 0],
      ['2', 0],
      ['3', 120],
    ] as const) {
      const ended = await run({ settings: { ONESCAN_DEPTH: depth } })
      t.equal(ended.code, code, `ONESCAN_DEPTH=${depth}: ${ended.logged}`)
    }
  })

  // promise: step-7-become
  await t.test('a script without an interpreter ends in a temporary failure', async (t) => {
    const script = join(t.testdir(), 'script')
    writeFileSync(script, '#!/nonexistent/sh\n', { mode: 0o755 })
    for (const QHPSI of ways) {
      const ended = await run({ settings: { QHPSI, QUEUECHAIN: script } })
      t.ok(ended.signal !== undefined || ended.code === 120 || ended.code === 81, `${ended.code}`)
    }
  })

  // A file that Node runs is not a program that could be the next one.
  if (program.length === 1) {
    // promise: step-5-edit, rule-10-loops
    await t.test('the next program is never the program itself', async (t) => {
      const link = join(t.testdir(), 'link')
      symlinkSync(path, link)
      for (const QHPSI of ways) {
        for (const QUEUECHAIN of [path, link]) {
          const ended = await run({ settings: { QHPSI, QUEUECHAIN } })
          t.equal(ended.code, 120)
          t.match(ended.logged, new RegExp(`is ${subject.name} itself; remove QUEUECHAIN`))
        }
      }
    })
  }

  await t.test('an open quote or an option for the next program ends in 55', async (t) => {
    for (const QUEUECHAIN of [`'not closed`, `a "b'`, '-v']) {
      await endsIn(t, 55, /fault=config/, { settings: { QUEUECHAIN } })
    }
  })

  // promise: step-7-become, rule-10-loops
  await t.test('variables that make it scan, loop or load code are hidden', async (t) => {
    const calls = join(t.testdir(), 'calls')
    const hidden = {
      QHPSI: '',
      QHPSIMAXSIZE: '1G',
      QUEUE_PLUGIN: 'x',
      REJECTVIRUS: '1',
      VIRUSFORWARD: 'v@example.org',
      PLUGINDIR: '/plugins',
      QMAILQUEUE: path,
      NODE_EXTRA_CA_CERTS: '',
      BUN_BE_BUN: '',
      LD_PRELOAD: '',
      LD_ALSO: 'x',
    }
    const kept = {
      RELAYCLIENT: '',
      TCPREMOTEIP: '192.0.2.1',
      REJECTVIRUS2: 'x',
      DATABYTES: '5',
      CUSTOM: 'a=b "c"\nd',
      SCANTIMEOUT: '9',
    }
    for (const QHPSI of ways) {
      await run({ settings: { ...hidden, ...kept, QHPSI, STANDIN_RECORD: calls } })
    }
    const seen = recordedCalls(calls)
    t.equal(seen.length, 2)
    for (const { environment } of seen) {
      for (const name of Object.keys(hidden)) t.notOk(name in environment, name)
      t.match(environment, kept)
    }
  })

  // promise: log-waits
  await t.test('a log that takes nothing never keeps mail, and never gets into it', async (t) => {
    for (const redirection of ['2>&-', '2>/dev/full', '2> >(:)']) {
      const shell = ['/bin/bash', '-c', `exec "$@" ${redirection}`, 'bash', ...program]
      for (const QHPSI of ways) {
        const { text } = await run({ program: shell, settings: { QHPSI } })
        t.equal(text, QHPSI ? tagged : message.toString(), redirection)
      }
    }
    t.equal((await run({ settings: { LOGFILE: '/nonexistent/log' } })).code, 0)
  })

  await t.test('mail goes on while LOGFILE blocks', { skip: cannotHang }, async (t) => {
    const directory = join(openDirectory(t), 'log')
    mkdirSync(directory)
    const mount = await mountHanging(t, directory, 'lookup')
    const asNobody = ['/usr/bin/setpriv', '--reuid=65534', '--clear-groups']
    for (const next of ['true', 'false']) {
      const ended = await run({
        program: [...asNobody, ...program.map(reachable), `/bin/${next}`],
        errorFd: 6,
        settings: { QHPSI: undefined, ERROR_FD: '6', LOGFILE: join(directory, 'onescan.log') },
      })
      t.same([ended.code, ended.timedOut], [next === 'true' ? 0 : 1, false], ended.logged)
    }
    t.equal(mount.asked(), 1, 'another process waits for it')
  })

  const asRoot = process.getuid!() === 0
  /** As nobody, if this is root; the next program does nothing. */
  const logTo = (LOGFILE: string, uid = process.getuid!() || 65_534) =>
    run({
      program: [
        ...(asRoot ? ['/usr/bin/setpriv', `--reuid=${uid}`, '--clear-groups'] : []),
        ...[...program.map(reachable), '/bin/true'],
      ],
      settings: { QHPSI: undefined, LOGFILE },
    })

  await t.test('the log goes to LOGFILE if that is set', async (t) => {
    const directory = openDirectory(t)
    chmodSync(directory, 0o777)
    const file = join(directory, 'log')
    const began = Date.now()
    for (let n = 0; n < 2; n++) t.notMatch((await logTo(file)).logged, 'onescan:')
    const lines = readFileSync(file, 'latin1').trimEnd().split('\n')
    t.equal(lines.length, 2)
    for (const line of lines) {
      const [, time = ''] = /^onescan: decision=\w+ .* total_ms=\S+ time=(\S+Z)$/.exec(line) ?? []
      const when = Date.parse(time)
      t.ok(when >= began && when <= Date.now(), line)
    }
  })

  // promise: log-unread
  await t.test(
    'no link of another user leads a line of root to a file',
    { skip: lacks('root') },
    async (t) => {
      const place = t.testdir({ hers: {}, secrets: { log: '' } })
      const [hers, secret] = [join(place, 'hers'), join(place, 'secrets/log')]
      symlinkSync(secret, join(hers, 'link'))
      symlinkSync(join(place, 'secrets'), join(hers, 'directory'))
      linkSync(secret, join(hers, 'second name'))
      for (const path of [hers, join(hers, 'link'), join(hers, 'directory')]) {
        lchownSync(path, 65_534, 65_534)
      }
      for (const name of ['link', 'directory/log', 'directory/new', 'second name']) {
        t.equal((await logTo(join(hers, name), 0)).code, 0)
        t.equal(readFileSync(secret, 'latin1'), '', name)
        t.same(readdirSync(dirname(secret)), ['log'], name)
      }
    },
  )
}
