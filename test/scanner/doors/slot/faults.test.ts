import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { newestNode } from '../../../../packaging/toolchain/toolchain.mjs'
import { bytes } from '../../../cases/case.ts'
import { infected, plain } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { lacks } from '../../../needs.mjs'
import { isRunning } from '../../../programs/host/is-running.ts'
import { openDirectory, reachable } from '../../../programs/host/reachable.ts'
import { until } from '../../../run/until.ts'
import { replyingWith, standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { compiled, launcher, newest, runSlot, runtimes, type SlotSetup } from './slot.ts'
import { cannotMount, mountSmall } from './small-disk.ts'

/**
 * The failure table of onescan-queue(8), row by row, each by the real fault:
 * what the sender sees, what is left behind, what the log contains.
 */

const stage = buildStage(t)
let scripts = 0

/** A scanner that is this shell script. */
const scanner = (script: string) =>
  stage.file(`scanner-${++scripts}`, `#!/bin/sh\n${script}\n`, 0o700)

/** Runs the slot on each runtime and expects nothing to be queued and nothing left. */
async function refusedBy(t: Test, code: number, log: RegExp, setup: SlotSetup): Promise<void> {
  for (const { name, program } of runtimes) {
    const run = await runSlot({ program, ...setup })
    t.equal(run.code, code, `${name}: ${run.logged}`)
    t.equal(run.deliveries.length, 0, 'nothing is queued')
    t.same(run.left, [], 'nothing is left')
    t.match(run.logged, log)
  }
}

// promise: step-2-receive
t.test(
  'if the client goes away while it sends the message, onescan-queue ends with 54',
  async (t) => {
    await refusedBy(t, 54, /fault=read/, {
      message: plain.subarray(0, 30),
      envelope: Buffer.alloc(0),
      settings: { QHPSI: '/bin/true' },
    })
  },
)

// promise: step-2-receive
t.test('without TMPDIR onescan-queue ends with 64', async (t) => {
  await refusedBy(t, 64, /fault=temp-file reason=".*\/nonexistent \(TMPDIR\)/, {
    settings: { QHPSI: '/bin/true', TMPDIR: '/nonexistent' },
  })
})

// promise: step-3-judge
t.test('with a SPOOLDIR that is missing or no directory onescan-queue ends with 64', async (t) => {
  const settings = { QHPSI: '/bin/true', SPOOLDIR: '/nonexistent' }
  await refusedBy(t, 64, /fault=temp-file reason=".*\/nonexistent \(SPOOLDIR\)/, { settings })
  await refusedBy(t, 64, /fault=temp-file/, { settings: { ...settings, SPOOLDIR: '/etc/passwd' } })
  const PLUGINDIR = join(stage.file('plugins/p.mjs', 'export const virusscan = 1'), '..')
  const withPlugin = { ...settings, QHPSI: 'plugin: p.mjs', PLUGINDIR }
  await refusedBy(t, 64, /fault=temp-file/, { settings: withPlugin })
})

// promise: step-3-judge
t.test(
  'with a SPOOLDIR that is missing the plugin clamscan ends with 64, too',
  { skip: lacks('clamscan') },
  async (t) => {
    const settings = { QHPSI: 'plugin: clamscan', SPOOLDIR: '/nonexistent' }
    await refusedBy(t, 64, /fault=temp-file/, { settings })
  },
)

/** Mail that is kept in a file. */
const largeMail = Buffer.concat([bytes('Subject: x\n\n'), Buffer.alloc(200_000, 'x')])

// promise: step-2-receive, rule-7-temporary
t.test('with a full disk onescan-queue ends with 53', async (t) => {
  const limited = ['/bin/sh', '-c', `trap '' XFSZ; ulimit -f 64; exec "$@"`, 'sh']
  for (const { program } of runtimes) {
    await refusedBy(t, 53, /fault=write reason="cannot write the spool file/, {
      program: [...limited, ...program],
      message: largeMail,
      settings: { QHPSI: '/bin/true' },
    })
  }
})

// promise: spool
t.test('a SPOOLDIR whose files others may replace is not used, which is logged', async (t) => {
  const SPOOLDIR = t.testdir()
  chmodSync(SPOOLDIR, 0o2770)
  const QHPSI = scanner('case "$1" in */onescan-dir-*) exit 0; esac; exit 9')
  const run = await runSlot({ settings: { QHPSI, SPOOLDIR } })
  t.equal(run.code, 0, run.logged)
  t.match(run.logged, /mode 02770 lets others replace files; run chmod \+t on it/)
  chmodSync(SPOOLDIR, 0o3770)
  const used = await runSlot({ settings: { QHPSI, SPOOLDIR } })
  t.match(used.logged, /exit code 9/)
})

// promise: spool
t.test(
  'if the file in SPOOLDIR is exchanged during the scan, onescan-queue ends with 54',
  async (t) => {
    const SPOOLDIR = t.testdir()
    const QHPSI = scanner('mv "$1" "$1-away" && echo clean >"$1"')
    const log = /fault=read reason=".*was changed while/
    await refusedBy(t, 54, log, { settings: { QHPSI, SPOOLDIR } })
  },
)

// promise: spool, step-3-judge
t.test('with a full SPOOLDIR onescan-queue ends with 53', { skip: cannotMount }, async (t) => {
  const SPOOLDIR = mountSmall(t, join(stage.directory, 'small'))
  const log =
    /fault=write reason="cannot write the spool file in .*no space left.*; free space or inodes/
  const settings = { QHPSI: '/bin/true', SPOOLDIR }
  await refusedBy(t, 53, log, { message: largeMail, settings })
  t.same(readdirSync(SPOOLDIR), [])
  const { socket: CLAMD } = await standIn(t, replyingWith('stream: OK\0'))
  const seen = stage.file('seen', '')
  const plugin = stage.file(
    'plugins/seen.mjs',
    `import { appendFileSync } from 'node:fs'
export const virusscan = () => { appendFileSync('${seen}', 'x'); return { clean: true } }`,
  )
  const both = { QHPSI: 'plugin: clamd seen.mjs', CLAMD, PLUGINDIR: dirname(plugin), SPOOLDIR }
  await refusedBy(t, 53, log, { message: largeMail, settings: both })
  t.equal(readFileSync(seen, 'latin1'), '', 'half a message is never scanned')
  t.same(readdirSync(SPOOLDIR), [])
})

// promise: step-1-start
t.test('with a wrong keyring in CLUSTERKEYS onescan-queue ends with 55', async (t) => {
  const directory = t.testdir({ open: 'sesame\n' })
  chmodSync(join(directory, 'open'), 0o644)
  const rows = [
    ['missing', /no such file or directory/],
    ['open', /mode 0644 lets others read .*chmod 640/],
  ] as const
  for (const [name, reason] of rows) {
    const log = new RegExp(`fault=config reason="CLUSTERKEYS \\S*/${name}: .*${reason.source}`)
    await refusedBy(t, 55, log, {
      settings: { QHPSI: '/bin/true', CLUSTERKEYS: join(directory, name) },
    })
  }
})

const notRoot = lacks('root')

// promise: keys-unread, step-1-start
t.test(
  'with a keyring that this user may not read, mail is scanned without stamps',
  { skip: notRoot },
  async (t) => {
    const control = openDirectory(t)
    writeFileSync(join(control, 'clusterkeys'), 'sesame\n', { mode: 0o600 })
    const spool = join(control, 'spool')
    mkdirSync(spool)
    chmodSync(spool, 0o777)
    const always = { QHPSI: '/bin/true', QUEUECHAIN: '/bin/true' }
    const settings = { ...always, CONTROLDIR: control, TMPDIR: spool }
    const named = { ...settings, CLUSTERKEYS: join(control, 'clusterkeys') }
    const asNobody = ['/usr/bin/setpriv', '--reuid=65534', '--clear-groups']
    for (const runtime of runtimes) {
      const program = [...asNobody, ...runtime.program.map(reachable)]
      for (const variables of [settings, named]) {
        const run = await runSlot({ program, settings: variables })
        t.equal(run.code, 0, run.logged)
        t.match(run.logged, /clusterkeys is not readable by uid 65534: no stamps/)
      }
    }
  },
)

const unknowns: readonly (readonly [string, string, RegExp])[] = [
  ['is missing', '/nonexistent/scanner', /no such file or directory/],
  ['is not executable', stage.file('not-executable', ''), /permission denied/],
  ['ends in a code that means nothing', scanner('exit 3'), /exit code 3/],
  ['is killed', scanner('kill -KILL $$'), /killed by SIGKILL/],
  ['crashes', scanner('kill -SEGV $$'), /killed by SIGSEGV/],
]

for (const [what, QHPSI, reason] of unknowns) {
  t.test(`if a scanner ${what}, mail is deferred with 71`, async (t) => {
    await refusedBy(t, 71, reason, { settings: { QHPSI } })
    const run = await runSlot({ settings: { QHPSI, SCANFAIL: 'accept' } })
    t.equal(run.text, 'Subject: x\n\nbody\n', 'SCANFAIL=accept lets it through as it came')
    t.match(run.logged, reason)
  })
}

/** The processes that have written their numbers there are gone. */
const areGone = (t: Test, pids: string) => {
  const all = readFileSync(pids, 'latin1').trim().split(/\s+/)
  for (const pid of all) t.notOk(isRunning(Number(pid)), `process ${pid} is gone`)
}

// promise: bad-scanner, step-3-judge
t.test('a scanner that hangs is killed with its children, and mail deferred: 71', async (t) => {
  const pids = stage.file('pids', '')
  const QHPSI = scanner(`trap '' TERM; sleep 60 & echo $$ $! >>'${pids}'; while :; do wait; done`)
  const settings = { QHPSI, SCANTIMEOUT: '1' }
  await refusedBy(t, 71, /no answer in time \(SCANTIMEOUT\)/, { settings })
  areGone(t, pids)
})

// promise: step-3-judge
t.test('a scanner whose child holds the pipes delays nothing', async (t) => {
  const pids = stage.file('holders', '')
  // The slot is killed after a minute, which ends in another code.
  const QHPSI = scanner(`sleep 3600 & echo $! >>'${pids}'; echo "x: Held FOUND"; exit 1`)
  for (const { program } of runtimes) {
    const run = await runSlot({ program, message: plain, settings: { QHPSI, REJECTVIRUS: '1' } })
    t.equal(run.code, 31)
    t.match(run.logged, 'virus=Held')
  }
  areGone(t, pids)
})

t.test('a scanner that fills stdout and stderr neither blocks nor floods the log', async (t) => {
  const QHPSI = scanner('head -c 3000000 /dev/zero | tr "\\0" "x" >&2; head -c 3000000 /dev/zero')
  for (const { program } of runtimes) {
    const run = await runSlot({ program, settings: { QHPSI } })
    t.equal(run.code, 0)
    t.match(run.text, /^X-QHPSI: clean\n/)
    t.ok(run.log.length < 100_000, String(run.log.length))
  }
})

// promise: bad-scanner
t.test('a scanner cannot forge a log line', async (t) => {
  const QHPSI = scanner("printf 'onescan: decision=accept\\r\\033[2K\\n' >&2; exit 3")
  const run = await runSlot({ settings: { QHPSI } })
  const log = /^scanner-\d+: onescan: decision=accept\\x0d\\x1b\[2K\nonescan: decision=defer/
  t.match(run.logged, log)
})

// promise: bad-scanner
t.test('a scanner does not see where the keys are, nor QMAILQUEUE', async (t) => {
  const file = stage.file('environment', '')
  const QHPSI = scanner(`env >'${file}'`)
  const CLUSTERKEYS = stage.file('ring', 'sesame\n')
  await runSlot({ settings: { QHPSI, CLUSTERKEYS, QMAILQUEUE: 'x', ERROR_FD: '6', SEEN: 'yes' } })
  const environment = readFileSync(file, 'latin1')
  t.match(environment, /^SEEN=yes$/m)
  t.match(environment, /^HOME=\/nonexistent$/m, 'no files of a home are obeyed')
  t.notMatch(environment, /^(CLUSTERKEYS|QMAILQUEUE|QHPSI|QUEUECHAIN|ERROR_FD)=/m)
})

// promise: spool, step-3-judge, rule-3-modify
t.test('a scanner that takes the file away, or writes to it, changes no mail', async (t) => {
  for (const script of ['rm "$1"', 'echo X >"$1"', 'mv "$1" "$1.kept"; rm "$1.kept"']) {
    const run = await runSlot({ message: plain, settings: { QHPSI: scanner(script) } })
    t.equal(run.text, `X-QHPSI: clean\n${plain.toString('latin1')}`, script)
    t.same(run.left, [])
  }
})

/** Mail in which `MZ VIRUS` is encoded: scanners get a file of that in addition to that of the message. */
const withContent = bytes(`Subject: x
MIME-Version: 1.0
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

TVogVklSVVMK
`)

// promise: step-3-judge
t.test('onescan-queue removes its file and ends with 71 on a signal', async (t) => {
  const SPOOLDIR = t.testdir()
  for (const { program } of runtimes) {
    for (const message of [plain, withContent]) {
      const run = await runSlot({
        program,
        message,
        settings: { QHPSI: scanner('kill -TERM $PPID; sleep 5'), SPOOLDIR },
      })
      t.equal(run.code, 71)
      t.equal(run.deliveries.length, 0)
      t.same(readdirSync(SPOOLDIR), [])
    }
  }
})

// promise: step-3-judge
t.test('a message is refused if its scanner removes the file', async (t) => {
  const SPOOLDIR = t.testdir()
  const QHPSI = scanner('grep -q VIRUS "$1" || exit 0; mv "$1" "$1.kept"; rm "$1.kept"; exit 1')
  const settings = { QHPSI, QHPSIRC: '1', QHPSIRN: '0', REJECTVIRUS: '1', SPOOLDIR }
  for (const message of [infected, withContent]) {
    await refusedBy(t, 31, /scan=infected/, { message, settings })
    t.same(readdirSync(SPOOLDIR), [])
  }
})

// promise: step-3-judge, rule-5-crash
t.test(
  'a killed onescan-queue leaves at most one named file, and its caller has the mail',
  async (t) => {
    const SPOOLDIR = t.testdir()
    const settings = { QHPSI: scanner('kill -KILL $PPID'), SPOOLDIR }
    const run = await runSlot({ message: infected, settings })
    t.equal(run.signal, 'SIGKILL')
    t.equal(run.deliveries.length, 0)
    t.match(readdirSync(SPOOLDIR), [/^onescan-\d+-[0-9a-z]+\.msg$/])
  },
)

// promise: rule-7-temporary
t.test(
  'on Node, a limit of processes ends onescan-queue with 51, and mail waits for none that cannot start',
  { skip: notRoot },
  async (t) => {
    const settings = {
      QHPSI: '/bin/true',
      QUEUECHAIN: '/bin/true',
      PATH: `${dirname(reachable(newestNode))}:/usr/bin:/bin`,
      TMPDIR: '/tmp',
    }
    const reached = reachable(launcher)
    for (const [limit, code] of [1, 2, 3, 4, 5, 6, 7, 20].map((n) => [n, n < 8 ? 51 : 0])) {
      // The processes of an account count together, also those of the time before that nobody awaited.
      const account = 2_000_000 + process.pid * 32 + limit!
      const run = await runSlot({
        program: [
          ...['/usr/bin/setpriv', `--reuid=${account}`, '--clear-groups'],
          ...['/usr/bin/prlimit', `--nproc=${limit}`, '/bin/sh', reached],
        ],
        settings,
      })
      t.equal(run.code, code, `${limit}: ${run.logged}`)
      if (code === 51) t.match(run.logged, /fault=out-of-memory reason="node needs room/)
    }
  },
)

/** A message for which the compiled runtime starts all of its threads. */
const busyMail = Buffer.concat([
  bytes('Subject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n'),
  bytes('<b>one</b> https://example.org/ line\n'.repeat(150_000)),
])

// promise: rule-7-temporary
t.test(
  'compiled, a limit of processes ends onescan-queue with 51, and mail waits for no refused thread',
  { skip: notRoot || lacks('the compiled programs') },
  async (t) => {
    const settings = { QHPSI: '/bin/true', QUEUECHAIN: '/bin/true', TMPDIR: '/tmp' }
    const reached = reachable(compiled)
    for (const limit of [1, 2, 4, 6, 8, 10, 12, 13, 20]) {
      for (const message of [plain, busyMail]) {
        const account = 2_000_000 + process.pid * 64 + limit + (message === plain ? 0 : 32)
        const run = await runSlot({
          program: [
            ...['/usr/bin/setpriv', `--reuid=${account}`, '--clear-groups'],
            ...['/usr/bin/prlimit', `--nproc=${limit}`, reached],
          ],
          message,
          settings,
        })
        t.equal(run.code, limit < 13 ? 51 : 0, `${limit}: ${run.logged}`)
        if (limit < 13) t.match(run.logged, /fault=out-of-memory reason="the system refuses thr/)
      }
    }
  },
)

/** The directory of control groups that count processes; undefined if this host lets nobody make any. */
const groups = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((parent) => {
  const trial = join(parent, `onescan-trial-${process.pid}`)
  try {
    mkdirSync(trial)
    return existsSync(join(trial, 'pids.max'))
  } catch {
    return false
  } finally {
    if (existsSync(trial)) rmdirSync(trial)
  }
})

// promise: rule-7-temporary
t.test(
  'on Node, a limit of processes of a control group above ends onescan-queue with 51',
  { skip: notRoot || (groups === undefined && 'needs control groups of processes') },
  async (t) => {
    const settings = {
      QHPSI: '/bin/true',
      QUEUECHAIN: '/bin/true',
      PATH: `${dirname(newestNode)}:/usr/bin:/bin`,
    }
    for (const [limit, code] of [1, 2, 3, 4, 5, 6, 7, 50].map((n) => [n, n < 8 ? 51 : 0])) {
      const above = join(groups!, `onescan-${process.pid}-${limit}`)
      const group = join(above, 'slot')
      mkdirSync(above)
      if (groups === '/sys/fs/cgroup') writeFileSync(join(above, 'cgroup.subtree_control'), '+pids')
      mkdirSync(group)
      t.teardown(async () => {
        const isEmpty = () => readFileSync(join(group, 'cgroup.procs'), 'utf8') === ''
        await until(isEmpty, 'all of its processes have ended')
        rmdirSync(group)
        rmdirSync(above)
      })
      writeFileSync(join(above, 'pids.max'), String(limit))
      const script = `echo $$ >'${group}/cgroup.procs'; exec /bin/sh '${launcher}'`
      const run = await runSlot({ program: ['/bin/sh', '-c', script], settings })
      t.equal(run.code, code, `${limit}: ${run.logged}`)
      if (code === 51) t.match(run.logged, /fault=out-of-memory reason="node needs room/)
    }
  },
)

// promise: only-chain-accepts
t.test('without enough address space onescan-queue never ends in 0', async (t) => {
  for (const { program } of runtimes) {
    for (const limit of [3000, 300_000]) {
      const run = await runSlot({
        program: ['/bin/sh', '-c', `ulimit -v ${limit}; exec "$@"`, 'sh', ...program],
        settings: { QHPSI: '/bin/true' },
      })
      t.not(run.code, 0)
      t.ok(run.code === undefined || run.code < 11 || run.code > 40, 'and it is temporary')
      t.equal(run.deliveries.length, 0)
    }
  }
})

// promise: only-chain-accepts, rule-6-acknowledge
t.test('a damaged bundle never ends in 0', async (t) => {
  const whole = readFileSync(newest[1]!)
  for (const length of [1000, Math.floor(whole.length / 2), whole.length - 2000]) {
    const broken = stage.file('broken.cjs', whole.subarray(0, length))
    const program = [newest[0]!, broken]
    const run = await runSlot({ program, settings: { QHPSI: '/bin/true' } })
    t.not(run.code, 0)
    t.equal(run.deliveries.length, 0)
  }
})
