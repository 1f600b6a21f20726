import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { descriptorOf } from '../../../src/base/process/descriptors.ts'
import { loadSystem } from '../../../src/base/runtime/system.ts'
import { lacks, programPath } from '../../needs.mjs'
import { runSlot, type SlotRun, type SlotSetup } from '../../scanner/doors/slot/slot.ts'
import { beside, clientsBeside, missing, standalonePrograms } from './client.ts'
import {
  accept,
  answering,
  bodyAt,
  code,
  end,
  insert,
  keep,
  scriptedDaemon,
  type Talk,
} from './scripted-daemon.ts'

/** Faults of the host: whatever fails, onescanc loses no mail and gives no wrong answer. */

const standalone = standalonePrograms(t)
const clients = missing ? [] : clientsBeside(standalone.teller)
const onescanc = missing ? '' : beside(standalone.teller)
const system = loadSystem()!
const small = 'Subject: x\n\nbody\n'
const large = `Subject: x\n\n${'0123456789abcde\n'.repeat(65_537)}`
const edit = answering(accept(bodyAt(12), insert('X-QHPSI: clean\n'), keep(0, 12)))

async function run(t: Test, script: (talk: Talk) => unknown, setup: SlotSetup = {}) {
  const daemon = await scriptedDaemon(t, script)
  return runSlot({
    program: [onescanc],
    message: Buffer.from(small),
    ...setup,
    settings: {
      QHPSI: 'plugin: eicar',
      ONESCAN_SOCKET: daemon.socket,
      ...setup.settings,
    },
  })
}

const limited = (limit: string, program: readonly string[]) => [
  '/bin/sh',
  '-c',
  `${limit}; exec "$@"`,
  'sh',
  ...program,
]

t.test('without TMPDIR mail that is too large for memory is 64', { skip: missing }, async (t) => {
  const settings = { TMPDIR: '/nonexistent' }
  for (const { program } of clients) {
    t.equal((await run(t, edit, { program, settings })).code, 0, 'small mail does not need it')
    const message = Buffer.from(`Subject: x\n\n${'x'.repeat(256 * 1024)}\n`)
    const ended = await run(t, edit, { program, settings, message })
    t.equal(ended.code, 64)
    t.match(ended.logged, /fault=temp-file reason="cannot .* in \/nonexistent \(TMPDIR\): No such/)
    t.equal(ended.deliveries.length, 0)
  }
})

t.test('mail stays whole around the size that is kept on disk', { skip: missing }, async (t) => {
  for (const { program } of clients) {
    for (const more of [-1, 0, 1, 65_536]) {
      const body = Buffer.alloc(256 * 1024 - 16 * 1024 - 12 + more, 'line\n')
      const message = Buffer.concat([Buffer.from('Subject: x\n\n'), body])
      const toQueue = {
        program: [beside(standalone.queue, program[0])],
        settings: { ONESCAN_SOCKET: '/nonexistent' },
      }
      for (const setup of [{ program }, toQueue]) {
        const { deliveries } = await run(t, edit, { message, ...setup })
        t.ok(
          deliveries[0]?.message.equals(Buffer.concat([Buffer.from('X-QHPSI: clean\n'), message])),
        )
      }
    }
  }
})

// promise: client-standalone
t.test('the disk is full: 53', { skip: missing }, async (t) => {
  for (const { program } of clients) {
    const ended = await run(t, edit, {
      program: limited('ulimit -f 64', program),
      message: Buffer.from(large),
    })
    t.equal(ended.code, 53)
    t.match(ended.logged, /fault=write reason="cannot write the spool file in .*File too large/)
    t.equal(ended.deliveries.length, 0)
  }
})

/** The last frame that onescanc has sent when it is killed, and the signal. */
const killed: readonly (readonly [lastFrame: string, signal: NodeJS.Signals])[] = [
  ...['V', 'E', 'M'].map((lastFrame) => [lastFrame, 'SIGKILL'] as const),
  ...(['SIGTERM', 'SIGHUP', 'SIGKILL'] as const).map((signal) => ['.', signal] as const),
]

t.test(
  'a killed onescanc leaves no file, and the sender has the mail',
  { skip: missing },
  async (t) => {
    for (const { program } of clients) {
      for (const [lastFrame, signal] of killed) {
        for (const message of [large, Buffer.alloc(9_000_000, large)]) {
          const ended = await run(
            t,
            async ({ heard, connection }) => {
              while (!heard.some(({ type }) => type === lastFrame)) await new Promise(setImmediate)
              process.kill(system.peerOf(descriptorOf(connection)!)!.pid, signal)
            },
            { program, message: Buffer.from(message) },
          )
          t.equal(ended.signal, signal, lastFrame)
          t.equal(ended.deliveries.length, 0)
          t.same(ended.left, [])
        }
      }
    }
  },
)

// promise: client-standalone
t.test('it works under softlimit -m 3000000, as in run scripts', { skip: missing }, async (t) => {
  const program = limited('for each in d s l v; do ulimit -$each 2929; done', [onescanc])
  for (const message of [small, large]) {
    const warm = await run(t, edit, { program, message: Buffer.from(message) })
    t.equal(warm.code, 0, warm.logged)
    t.ok(warm.text === `X-QHPSI: clean\n${message}`)
    const alone = await run(t, ({ end }) => end(), { program, message: Buffer.from(message) })
    t.equal(alone.code, 71)
    t.match(
      alone.logged,
      /decision=defer .*reason="onescan-queue must scan this message \(.* closed the connection\), but .* use softlimit -a 4000000000"/,
    )
    t.equal(alone.deliveries.length, 0)
  }
})

const straceMissing = missing || lacks('strace')

/** The system calls of the client up to its exec: how often it made each. */
function callsIn(trace: string): Map<string, number> {
  const calls = new Map<string, number>()
  let execs = 0
  for (const [, name] of readFileSync(trace, 'latin1').matchAll(/^(?:\d+ +)?(\w+)\(/gm)) {
    if (name!.startsWith('exec') && ++execs > 1) break
    calls.set(name!, (calls.get(name!) ?? 0) + 1)
  }
  return calls
}

/** Mail must be delivered as the daemon decided or as it came, or deferred, and nothing else. */
function isSafe({ code, signal, text, deliveries }: SlotRun, message: string): boolean {
  if (code === 0) return text === message || text === `X-QHPSI: clean\n${message}`
  const temporary = signal !== undefined || !((code! >= 11 && code! <= 40) || code === 115)
  return temporary && deliveries.length === 0
}

t.test(
  'whichever system call fails, no mail is lost',
  { skip: straceMissing, jobs: 2 },
  async (t) => {
    const ways: readonly [string, (talk: Talk) => unknown, string][] = [
      ['an edit', edit, small],
      ['an edit of a message on disk', edit, large.slice(0, 300_000)],
      ['a standalone program', ({ end }) => end(), small],
      ['a temporary end', answering(end(code(71))), small],
    ]
    for (const [name, script, message] of ways) {
      t.test(name, async (t) => {
        const directory = t.testdir()
        const trace = join(directory, 'trace')
        const traced = (...options: string[]) =>
          run(t, script, {
            program: [programPath('strace'), '-qq', '-o', trace, ...options, onescanc],
            message: Buffer.from(message),
          })
        t.ok(isSafe(await traced(), message))
        const calls = callsIn(trace)
        t.ok((calls.get('pwrite64') ?? 0) >= 2, 'the trace was read')
        for (const [call, times] of calls) {
          if (call.startsWith('exec') || call.startsWith('exit')) continue
          for (let when = 1; when <= times; when++) {
            for (const error of ['EIO', 'EINTR']) {
              if (error === 'EINTR' && !/^(read|recv|send|poll|connect)/.test(call)) continue
              const ended = await traced('-e', `inject=${call}:error=${error}:when=${when}`)
              if (!isSafe(ended, message))
                t.fail(`${call} ${when} ${error}: ${ended.code} ${ended.logged}`)
              if (ended.left.length > 0) t.fail(`${call} ${when} ${error}: leaves ${ended.left}`)
            }
          }
        }
        t.pass([...calls].map(([call, times]) => `${call} ${times}`).join(', '))
      })
    }
  },
)

t.test(
  'it works without memfd_create and without O_TMPFILE',
  { skip: straceMissing },
  async (t) => {
    const trace = join(t.testdir(), 'trace')
    const ended = await run(t, edit, {
      program: [
        programPath('strace'),
        '-qq',
        '-o',
        trace,
        '-e',
        'inject=memfd_create:error=ENOSYS',
        '-e',
        'inject=openat,open:error=EOPNOTSUPP:when=1',
        onescanc,
      ],
    })
    t.match(readFileSync(trace, 'latin1'), /O_TMPFILE.*EOPNOTSUPP(?:.*\n)*.*O_EXCL(?:.*\n)*unlink/)
    t.equal(ended.text, `X-QHPSI: clean\n${small}`)
    t.same(ended.left, [])
  },
)

t.test('its own lines name the client, if tcpserver has', { skip: missing }, async (t) => {
  const settings = {
    QHPSI: 'plugin: eicar',
    ONESCAN_SOCKET: '/nonexistent/s',
  }
  const logged = async (TCPREMOTEIP: string) =>
    (await runSlot({ program: [onescanc], settings: { ...settings, TCPREMOTEIP } })).logged
  t.match(
    await logged('2001:db8::7'),
    /^onescan: decision=standalone reason="[^"]*" remote=2001:db8::7 total_ms=/,
  )
  t.match(
    await logged('x decision=accept'),
    /^onescan: decision=standalone reason="[^"]*" total_ms=/,
  )
})
