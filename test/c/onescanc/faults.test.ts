import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runSlot, type SlotRun, type SlotWishes } from '../../doors/queue/slot.ts'
import { findProgram } from '../../programs/install.mjs'
import { clients, coldPrograms, missing, onescanc } from './client.ts'
import {
  accept,
  acknowledgement,
  answering,
  bodyAt,
  code,
  end,
  insert,
  keep,
  scriptedDaemon,
  type Talk,
} from './scripted-daemon.ts'

/** Faults of the host under the client: whatever fails, no mail is lost and none gets a wrong answer. */

const cold = coldPrograms(t)
const small = 'Subject: x\n\nbody\n'
const large = `Subject: x\n\n${'0123456789abcde\n'.repeat(65_537)}`
const edit = answering(accept(bodyAt(12), insert('X-QHPSI: clean\n'), keep(0, 12)))

async function run(t: Test, script: (talk: Talk) => unknown, wishes: SlotWishes = {}) {
  const daemon = await scriptedDaemon(t, script)
  return runSlot({
    program: [onescanc],
    message: Buffer.from(small),
    ...wishes,
    settings: {
      QHPSI: 'plugin: eicar',
      ONESCAN_SOCKET: daemon.socket,
      ONESCAN_COLD: cold.teller,
      ...wishes.settings,
    },
  })
}

const limited = (limit: string, program: readonly string[]) => [
  '/bin/sh',
  '-c',
  `trap '' XFSZ; ${limit}; exec "$@"`,
  'sh',
  ...program,
]

t.test(
  'TMPDIR is missing: 64 for mail that does not stay in memory',
  { skip: missing },
  async (t) => {
    const settings = { TMPDIR: '/nonexistent' }
    for (const { program } of clients) {
      t.equal((await run(t, edit, { program, settings })).code, 0, 'small mail does not need it')
      const message = Buffer.from(`Subject: x\n\n${'x'.repeat(256 * 1024)}\n`)
      const ended = await run(t, edit, { program, settings, message })
      t.equal(ended.code, 64)
      t.match(
        ended.logged,
        /fault=temp-file reason="cannot .* in \/nonexistent \(TMPDIR\): No such/,
      )
      t.equal(ended.deliveries.length, 0)
    }
  },
)

t.test(
  'mail around the size at which it leaves the memory stays whole',
  { skip: missing },
  async (t) => {
    for (const { program } of clients) {
      for (const more of [-1, 0, 1, 65_536]) {
        const body = Buffer.alloc(256 * 1024 - 16 * 1024 - 12 + more, 'line\n')
        const message = Buffer.concat([Buffer.from('Subject: x\n\n'), body])
        const { deliveries } = await runSlot({
          program,
          message,
          settings: {
            QHPSI: 'plugin: eicar',
            ONESCAN_SOCKET: '/nonexistent',
            ONESCAN_COLD: cold.queue,
          },
        })
        t.ok(
          deliveries[0]?.message.equals(Buffer.concat([Buffer.from('X-QHPSI: clean\n'), message])),
        )
      }
    }
  },
)

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

const mountMissing =
  missing ||
  (process.getuid?.() !== 0 && 'needs root to mount a tmpfs') ||
  (!findProgram('mount') && 'install Debian package mount')

t.test(
  'SPOOLDIR is missing, not writable or full: the message is sent',
  { skip: mountMissing },
  async (t) => {
    const full = mkdtempSync(join(tmpdir(), 'onescan-small-'))
    const nearly = mkdtempSync(join(tmpdir(), 'onescan-small-'))
    for (const [size, directory] of [
      ['64k', full],
      ['900k', nearly],
    ] as const) {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'onescan-test', directory])
      t.teardown(() => {
        execFileSync('umount', [directory])
        rmdirSync(directory)
      })
    }
    for (const SPOOLDIR of ['/nonexistent', '/proc', full, nearly]) {
      const ended = await run(
        t,
        async (talk) => {
          const asked = await talk.question
          t.notOk(
            asked.some(({ tag }) => tag === 'P'),
            SPOOLDIR,
          )
          await edit(talk)
        },
        { message: Buffer.from(large), settings: { SPOOLDIR } },
      )
      t.ok(ended.text === `X-QHPSI: clean\n${large}`, ended.logged)
    }
    t.same([...readdirSync(full), ...readdirSync(nearly)], [])
  },
)

const pathOf = async ({ question }: Talk) =>
  (await question).find(({ tag }) => tag === 'P')!.payload.toString('latin1')
/** The process that made a file of ours. */
const makerOf = (path: string) => Number(/onescan-(\d+)-/.exec(path)?.[1])

t.test(
  'told to end, the client removes its file and says try again: 71',
  { skip: missing },
  async (t) => {
    for (const { program } of clients) {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
        const SPOOLDIR = t.testdir()
        const ended = await run(
          t,
          async (talk) => {
            const path = await pathOf(talk)
            t.equal(statSync(path).mode & 0o7777, 0o640)
            process.kill(makerOf(path), signal)
          },
          { program, message: Buffer.from(large), settings: { SPOOLDIR } },
        )
        t.equal(ended.code, 71, signal)
        t.equal(ended.deliveries.length, 0)
        t.same(readdirSync(SPOOLDIR), [])
      }
    }
  },
)

t.test(
  'a SPOOLDIR whose files others may replace is not used: the message is sent',
  { skip: missing },
  async (t) => {
    for (const { program } of clients) {
      const SPOOLDIR = t.testdir()
      const paths: string[] = []
      for (const mode of [0o2770, 0o3770]) {
        chmodSync(SPOOLDIR, mode)
        const note = async ({ question, end: finish }: Talk) => {
          const named = (await question).find(({ tag }) => tag === 'P')
          paths.push(named?.payload.toString('latin1') ?? '')
          finish(acknowledgement, accept(bodyAt(0)))
        }
        await run(t, note, { program, message: Buffer.from(large), settings: { SPOOLDIR } })
      }
      t.equal(paths[0], '')
      t.match(paths[1], /onescan-\d+-[0-9a-f]{32}\.msg$/, 'a name that nobody can guess')
    }
  },
)

t.test('a signal that the caller ignores is ignored', { skip: missing }, async (t) => {
  const SPOOLDIR = t.testdir()
  const ended = await run(
    t,
    async (talk) => {
      process.kill(makerOf(await pathOf(talk)), 'SIGHUP')
      await edit(talk)
    },
    {
      program: ['/bin/sh', '-c', `trap '' HUP; exec "$@"`, 'sh', onescanc],
      message: Buffer.from(large),
      settings: { SPOOLDIR },
    },
  )
  t.equal(ended.code, 0, ended.logged)
})

t.test(
  'killed, it leaves at most its named file, and the sender still has the mail',
  { skip: missing },
  async (t) => {
    const SPOOLDIR = t.testdir()
    const ended = await run(
      t,
      async (talk) => process.kill(makerOf(await pathOf(talk)), 'SIGKILL'),
      { message: Buffer.from(large), settings: { SPOOLDIR } },
    )
    t.equal(ended.signal, 'SIGKILL')
    t.equal(ended.deliveries.length, 0)
    t.match(readdirSync(SPOOLDIR), [/^onescan-\d+-[0-9a-z]+\.msg$/], 'of the name that is swept')
  },
)

t.test(
  'a scanner that changes, moves or removes the file changes no mail',
  { skip: missing },
  async (t) => {
    for (const script of [
      '>"$1"',
      'echo X >>"$1"',
      'rm "$1"',
      'mv "$1" "$1.moved"; rm "$1.moved"',
    ]) {
      const SPOOLDIR = t.testdir()
      for (const hangsUp of [false, true]) {
        const ended = await run(
          t,
          async (talk) => {
            spawnSync('/bin/sh', ['-c', script, 'sh', await pathOf(talk)])
            if (hangsUp) talk.end()
            else await edit(talk)
          },
          { message: Buffer.from(large), settings: { SPOOLDIR } },
        )
        t.equal(ended.code, 0)
        t.ok(ended.text === (hangsUp ? large : `X-QHPSI: clean\n${large}`), script)
        t.same(readdirSync(SPOOLDIR), [])
      }
    }
  },
)

t.test('softlimit -m 3000000, as in classic run scripts', { skip: missing }, async (t) => {
  const program = limited('for each in d s l v; do ulimit -$each 2929; done', [onescanc])
  for (const message of [small, large]) {
    const warm = await run(t, edit, { program, message: Buffer.from(message) })
    t.equal(warm.code, 0, warm.logged)
    t.ok(warm.text === `X-QHPSI: clean\n${message}`)
    const alone = await run(t, ({ end }) => end(), { program, message: Buffer.from(message) })
    t.equal(alone.code, 71)
    t.match(
      alone.logged,
      /decision=defer .*reason="the address space \(softlimit\) is too small .* hung up"/,
    )
    t.equal(alone.deliveries.length, 0)
  }
})

const strace = findProgram('strace')
const straceMissing = missing || (!strace && 'install Debian package strace')

/** System calls of the client, up to its exec: each name, with how often it was called. */
function callsIn(trace: string): Map<string, number> {
  const calls = new Map<string, number>()
  let execs = 0
  for (const [, name] of readFileSync(trace, 'latin1').matchAll(/^(?:\d+ +)?(\w+)\(/gm)) {
    if (name!.startsWith('exec') && ++execs > 1) break
    calls.set(name!, (calls.get(name!) ?? 0) + 1)
  }
  return calls
}

/** Delivered as the daemon said or as it came, or a temporary failure; nothing in between. */
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
      ['an edit of a large message', edit, large],
      ['a cold program', ({ end }) => end(), small],
      ['a temporary end', answering(end(code(71))), small],
    ]
    for (const [name, script, message] of ways) {
      t.test(name, async (t) => {
        const directory = t.testdir({ spool: {} })
        const trace = join(directory, 'trace')
        const traced = (...options: string[]) =>
          run(t, script, {
            program: [strace!, '-qq', '-o', trace, ...options, onescanc],
            message: Buffer.from(message),
            settings: { SPOOLDIR: join(directory, 'spool') },
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
  'a kernel without memfd_create and a file system without O_TMPFILE',
  { skip: straceMissing },
  async (t) => {
    const trace = join(t.testdir(), 'trace')
    const ended = await run(t, edit, {
      program: [
        strace!,
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
