import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  findPostfix,
  findRunningServices,
  readService,
} from '../../../../src/scanner/cli/host/running-services.ts'
import { lacks } from '../../../needs.mjs'
import { ucspiMissing } from '../../../programs/servers/ucspi.ts'
import { outputOf } from '../../../run/until.ts'
import { startService, tcpserver } from '../check/service.ts'

const skip = ucspiMissing

t.test('a server of qmail-smtpd is found with its variables and limits', { skip }, async (t) => {
  const env = { QHPSI: 'plugin: eicar' }
  const words = ['softlimit', '-a', '1000000000', ...tcpserver('-x', 'rules.cdb')]
  const pid = await startService(t, words, { env, isCallers: true })
  const { services } = await findRunningServices()
  const service = services.find((found) => found.pid === pid)
  t.match(service, {
    uid: process.getuid!(),
    rules: '/rules.cdb',
    directory: '/',
    unknownSteps: [],
  })
  t.equal(service?.env.QHPSI, 'plugin: eicar')
  t.equal(service?.limits.as, 1_000_000_000)
})

t.test('options between server and qmail-smtpd are reported', { skip }, async (t) => {
  const steps = ['envdir', './env', 'rblsmtpd', 'setuidgid', 'nobody', '/var/qmail/bin/qmail-smtpd']
  const pid = await startService(t, [...tcpserver().slice(0, -1), ...steps], { isCallers: true })
  t.same((await readService(pid)).unknownSteps, ['envdir', 'setuidgid'])
})

t.test(
  'a server of root gives qmail-smtpd the account and groups of setpriv',
  { skip: skip || lacks('root') },
  async (t) => {
    const step = ['setpriv', '--reuid=65534', '--regid=65533', '--groups=65532']
    const words = [...tcpserver().slice(0, -1), ...step, '/var/qmail/bin/qmail-smtpd']
    const service = await readService(await startService(t, words, { isCallers: true }))
    t.match(service, { uid: 65534, groups: [65533, 65532], unknownSteps: [] })
  },
)

t.test(
  'a server of another program, and other programs, are no mail servers',
  { skip },
  async (t) => {
    const other = await startService(t, [...tcpserver().slice(0, -1), '/bin/cat'])
    const child = spawn('/bin/sh', ['-c', 'read x; tcpserver 0 25 qmail-smtpd'])
    t.teardown(() => child.kill())
    const { services } = await findRunningServices()
    const pids = services.map(({ pid }) => pid)
    for (const pid of [other, String(child.pid)]) t.notOk(pids.includes(pid))
  },
)

// promise: root-tcpserver-name
t.test(
  'a server that another user has started is not a service',
  { skip: skip || lacks('root') },
  async (t) => {
    const words = ['--reuid=65534', '--regid=65534', '--clear-groups', ...tcpserver()]
    const child = spawn('setpriv', words, { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill())
    await outputOf(child)
    const { services, checkLines } = await findRunningServices()
    t.notOk(services.some(({ pid }) => pid === String(child.pid)))
    t.match(checkLines[0]?.what, new RegExp(`^processes .*\\b${child.pid}\\b`), 'only its number')
  },
)

/** A file of proc(5). */
function statusText(name: string, uid: number, parent: number): string {
  const ids = [uid, uid, uid, uid].join('\t')
  return `Name:\t${name}\nPPid:\t${parent}\nUid:\t${ids}\nGid:\t${ids}\nGroups:\t\n`
}

t.test(
  'the Postfix of a container is not that of the host; one whose unit hides files is',
  async (t) => {
    const link = (target: string) => t.fixture('symlink', target)
    const namespaces = (pid: number, mnt: number) => ({
      ns: { pid: link(`pid:[${pid}]`), mnt: link(`mnt:[${mnt}]`) },
    })
    const master = (queue: string) => ({ status: statusText('master', 0, 1), cwd: link(queue) })
    const processes = t.testdir({
      self: namespaces(1, 1),
      10: { ...master('/var/spool/postfix'), ...namespaces(2, 2) },
      11: { ...master('/var/spool/postfix-out'), ...namespaces(1, 3) },
      12: { ...master('/var/spool/postfix-in'), ...namespaces(1, 1) },
    })
    t.same(findPostfix(processes), ['/var/spool/postfix-out', '/var/spool/postfix-in'])
  },
)

/** A process that cron started, and that has forked twice. */
const jobOfCron = (namespace: object) => ({
  status: statusText('tcpserver', 1000, 1),
  cgroup: '0::/system.slice/cron.service\n',
  cmdline: 'tcpserver\u00000\u000025\u0000qmail-smtpd\u0000',
  ...namespace,
})

const skipUnits = lacks('systemctl')

t.test(
  'a job of cron that forks twice is not a service, though its unit is',
  { skip: skipUnits },
  async (t) => {
    const namespace = () => ({ ns: { pid: t.fixture('symlink', 'pid:[1]') } })
    const processes = t.testdir({
      self: namespace(),
      1: { status: statusText('systemd', 0, 0), ...namespace() },
      77: jobOfCron(namespace()),
    })
    const { services, checkLines } = await findRunningServices(processes)
    t.same(services, [])
    t.match(checkLines, [{ what: 'processes 77', remedy: /onescan check --pid 77$/ }])
  },
)

// promise: root-runs-nothing
t.test(
  'a service whose unit hides files is named, and not tried outside of it; that of a container is not',
  async (t) => {
    const namespaces = (pid: number, mnt: number) => ({
      ns: {
        pid: t.fixture('symlink', `pid:[${pid}]`),
        mnt: t.fixture('symlink', `mnt:[${mnt}]`),
      },
    })
    const service = (spaces: object) => ({
      ...jobOfCron(spaces),
      status: statusText('tcpserver', 1000, 2),
      environ: '',
      limits: '',
      stat: `1 (tcpserver) S ${'0 '.repeat(30)}`,
      cwd: t.fixture('symlink', '/'),
    })
    const processes = t.testdir({
      stat: 'btime 1\n',
      self: namespaces(1, 1),
      1: { status: statusText('systemd', 0, 0) },
      2: { status: statusText('supervise', 0, 1) },
      100: service(namespaces(1, 1)),
      101: service(namespaces(1, 2)), // PrivateTmp=
      102: service(namespaces(2, 2)),
    })
    const { services, checkLines } = await findRunningServices(processes)
    t.same(
      services.map(({ pid }) => pid),
      ['100'],
    )
    t.match(checkLines, [{ what: 'processes 101', remedy: /onescan check --pid 101$/ }])
  },
)

t.test('a service beyond the most that are looked at is named', async (t) => {
  const namespace = () => ({ ns: { pid: t.fixture('symlink', 'pid:[1]') } })
  const service = () => ({
    ...jobOfCron(namespace()),
    status: statusText('tcpserver', 1000, 2),
    environ: '',
    limits: '',
    stat: `1 (tcpserver) S ${'0 '.repeat(30)}`,
    cwd: t.fixture('symlink', '/'),
  })
  const host = (count: number) => ({
    stat: 'btime 1\n',
    self: namespace(),
    1: { status: statusText('systemd', 0, 0), ...namespace() },
    2: { status: statusText('supervise', 0, 1), ...namespace() },
    ...Object.fromEntries(Array.from({ length: count }, (_, at) => [100 + at, service()])),
    200: { ...service(), cmdline: 'node\u0000other.js\u0000' },
  })
  const all = await findRunningServices(t.testdir(host(16)))
  t.equal(all.services.length, 16)
  t.same(all.checkLines, [])
  const { services, checkLines } = await findRunningServices(t.testdir(host(17)))
  t.equal(services.length, 16)
  t.match(checkLines, [
    { level: 'warning', what: 'process 116', remedy: /onescan check --pid 116/ },
  ])
})

// promise: root-tcpserver-name
t.test(
  'thousands of jobs of cron make systemd no more work than one',
  {
    skip: lacks('root') || skipUnits,
  },
  async (t) => {
    const namespace = () => ({ ns: { pid: t.fixture('symlink', 'pid:[1]') } })
    const jobs = Array.from({ length: 50 }, (_, at) => [100 + at, jobOfCron(namespace())])
    const place = t.testdir({
      processes: { self: namespace(), ...Object.fromEntries(jobs) },
      asked: '',
    })
    const fake = join(place, 'systemctl')
    writeFileSync(fake, `#!/bin/sh\necho "$*" >>${place}/asked\necho MainPID=0\n`, { mode: 0o755 })
    const source = join(import.meta.dirname, '../../../../src/scanner/cli/host/running-services.ts')
    const find = `import(${JSON.stringify(source)}).then((m) => m.findRunningServices(${JSON.stringify(join(place, 'processes'))}))`
    const booted = 'mount -t tmpfs run /run && mkdir -p /run/systemd/system' // sd_booted(3)
    const script = `${booted} && mount --bind "$1" /usr/bin/systemctl && exec "$2" -e "$3"`
    // biome-ignore format: a line
    execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', fake, process.execPath, find])
    t.equal(
      readFileSync(join(place, 'asked'), 'utf8'),
      'show --timestamp=unix --property=MainPID -- cron.service\n',
    )
  },
)
