import { execFileSync, spawnSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { CONFIG_FILES } from '../../src/scanner/scan/scanners/clamd/clamd-conf.ts'

/** Parts of the maintainer scripts, by themselves; states.test.ts runs them all. */

const deb = join(import.meta.dirname, '../../debian')
const packaging = join(import.meta.dirname, '../../packaging')
const systemd = join(packaging, 'shipped/systemd')
const scripts = join(packaging, 'shipped/scripts')

const units = readdirSync(systemd)
  .filter((name) => /\.(service|socket)$/.test(name))
  .sort()
const isOfAdministrator = (unit: string) =>
  /^\[Install\]$/m.test(readFileSync(join(systemd, unit), 'utf8'))
const isOfQuotad = (unit: string) => unit.startsWith('onescan-quotad')
/** The package that has a unit. */
const packageOf = (unit: string) => (isOfQuotad(unit) ? 'onescan-quotad' : 'onescan')
const rules = readFileSync(join(deb, 'rules'), 'utf8')

t.test('debhelper knows each unit that an administrator may enable', async (t) => {
  t.ok(units.length > 5)
  for (const unit of units) {
    const prerm = readFileSync(join(deb, `${packageOf(unit)}.prerm`), 'utf8')
    const isKnown = new RegExp(`dh_installsystemd -p${packageOf(unit)} .*${unit}`, 'm').test(rules)
    t.equal(isKnown, isOfAdministrator(unit), unit)
    if (unit.endsWith('.socket'))
      t.match(prerm, ` ${unit}`, 'else it would start its service again')
  }
})

t.test('an RPM disables each socket, and each unit that an administrator may enable', async (t) => {
  const spec = readFileSync(join(packaging, 'packages/onescan.spec.in'), 'utf8')
  const wanted = units.filter((unit) => unit.endsWith('.socket') || isOfAdministrator(unit))
  const listed = (list: string) =>
    new RegExp(`^%global ${list} (.*)$`, 'm').exec(spec)?.[1]?.split(' ').sort()
  t.same(
    listed('units'),
    wanted.filter((unit) => !isOfQuotad(unit)),
  )
  t.same(listed('quotad_units'), wanted.filter(isOfQuotad))
})

t.test(
  'setup installs each unit but those of onescan-quotad, and enables the same as a Debian package',
  async (t) => {
    const setup = readFileSync(join(packaging, 'shipped/setup'), 'utf8')
    const enabled = /^enabled='(.*)'$/m.exec(setup)?.[1]?.split(' ') ?? []
    const others = /^ *for unit in \$enabled (.*); do$/m.exec(setup)?.[1]?.split(' ') ?? []
    t.same([...enabled, ...others].sort(), units.filter((unit) => !isOfQuotad(unit)).sort())
    const byDebian = [...rules.matchAll(/^\tdh_installsystemd (?!.*--no-enable)(.*)$/gm)]
      .flatMap(([, words]) => words!.split(' '))
      .filter((word) => units.includes(word))
    t.same(enabled.toSorted(), byDebian.sort())
  },
)

t.test('the removal of a package warns about what still starts its programs', async (t) => {
  const host = t.testdir({
    etc: {
      systemd: {
        system: {
          'smtp-delay.service': '[Service]\nExecStart=/usr/sbin/smtp-delay --listen fd:3\n',
          'other.service': '[Unit]\nAfter=smtp-delay.socket\n# smtp-delay is gone\n',
        },
      },
    },
    service: { 'qmail-smtpd': { run: '#!/bin/sh\nexec tcpserver 0 25 smtp-delay qmail-smtpd\n' } },
  })
  symlinkSync('../service', join(host, 'etc/service'))
  mkdirSync(join(host, 'service/other'))
  execFileSync('mkfifo', [join(host, 'service/other/run')]) // whoever opened it would wait
  const script = readFileSync(join(scripts, 'users.sh'), 'utf8').replaceAll(
    / (?=\/(etc|service|var)\/)/g,
    ` ${host}`,
  )
  const warned = (...programs: string[]) =>
    spawnSync('sh', ['-euc', `${script}\nwarn_about_users ${programs.join(' ')}`], {
      encoding: 'utf8',
    })
  t.match(warned('smtp-delay'), { status: 0, stdout: '' })
  t.same(warned('smtp-delay').stderr.split('\n').slice(1), [
    `${host}/etc/systemd/system/smtp-delay.service`,
    `${host}/service/qmail-smtpd/run`,
    '',
  ])
  t.match(warned('onescand', 'onescanc'), { status: 0, stderr: /^$/ })
  for (const name of ['onescan', 'onescan-quotad', 'smtp-delay'])
    t.match(
      readFileSync(join(deb, `${name}.prerm`), 'utf8'),
      /^ *(test .*)?warn_about_users/m,
      name,
    )
})

t.test('the removal of the runtime warns about programs that need it', async (t) => {
  const host = t.testdir({ lib: { onescan: t.fixture('symlink', 'gone'), other: '' } })
  const script = readFileSync(join(scripts, 'users.sh'), 'utf8').replaceAll('/usr/lib/onescan', join(host, 'lib')) // biome-ignore format: a line
  const warned = () =>
    spawnSync('sh', ['-euc', `${script}\nwarn_about_programs`], { encoding: 'utf8' })
  t.match(warned(), { status: 0, stderr: /^warning: .* without onescan-runtime, .*: onescan\n$/ })
  rmSync(join(host, 'lib/onescan'))
  t.match(warned(), { status: 0, stderr: /^$/ }, 'they went first')
  t.match(readFileSync(join(deb, 'onescan-runtime.prerm'), 'utf8'), /^test "\$1" != remove \|\| warn_about_programs$/m) // biome-ignore format: a line
})

t.test('packages warn about each clamd.conf that onescan reads', async (t) => {
  const setUp = readFileSync(join(scripts, 'set-up.sh'), 'utf8')
  const [, files = ''] = /^ *for file in (.*clamd\.conf.*); do$/m.exec(setUp) ?? []
  t.same(files.split(' '), CONFIG_FILES)
})

t.test(
  'packages check each account that they create, also on a host without login.defs(5)',
  async (t) => {
    const setUp = readFileSync(join(scripts, 'set-up.sh'), 'utf8')
    for (const [script, file] of [
      ['debian/onescan.postinst', 'sysusers'],
      ['debian/onescan-quotad.postinst', 'sysusers-quotad'],
      ['packaging/shipped/setup', 'sysusers'],
    ] as const) {
      const text = readFileSync(join(deb, '..', script), 'utf8')
      const [, checked = ''] = /\brefuse_persons (onescan.*)$/m.exec(text) ?? []
      const accounts = readFileSync(join(systemd, `${file}.conf`), 'utf8')
      const created = [...accounts.matchAll(/^u (\S+) /gm)].map(([, name]) => name)
      t.same(checked.split(' '), created, script)
    }
    const elsewhere = setUp.replace('/etc/login.defs', '/nonexistent')
    const getent = (account: string) => `getent() { echo ${account}; }\nid() { echo 1000; }\n`
    const check = (account: string) =>
      spawnSync('sh', ['-euc', `${elsewhere}\n${getent(account)}again=x\nrefuse_persons onescan`], {
        encoding: 'utf8',
      })
    t.match(check('onescan:x:1000:1000::/:/usr/sbin/nologin'), { status: 0, stderr: '' })
    const person = check('onescan:x:1000:1000::/:/bin/sh')
    t.match(person, {
      status: 1,
      stderr: /^onescan: the account onescan already exists .* \/bin\/sh/,
    })
  },
)

t.test(
  'the health check of the container reads the whole token, and waits for no FIFO',
  async (t) => {
    const directory = t.testdir({ token: `${'a'.repeat(4000)}\n` })
    const health = readFileSync(join(packaging, 'shipped/container/health'), 'utf8')
    const [reads = ''] = /^token=.*$/m.exec(health) ?? []
    const read = (name: string) =>
      spawnSync(
        'bash',
        [
          '-c',
          `${reads.replace('/etc/onescan/keys/page-token', join(directory, name))}; echo "$token"`,
        ],
        { encoding: 'utf8', timeout: 10_000 },
      )
    t.match(read('token'), { status: 0, stdout: `${'a'.repeat(4000)}\n` })
    execFileSync('mkfifo', [join(directory, 'fifo')])
    t.match(read('fifo'), { status: 0, stdout: '\n' })
  },
)

t.test('a processor that cannot run the programs is refused before anything changes', async (t) => {
  const cpuinfo = join(t.testdir(), 'cpuinfo')
  const script = readFileSync(join(deb, 'onescan.preinst'), 'utf8').replaceAll(
    '/proc/cpuinfo',
    cpuinfo,
  )
  const preinst = (...words: string[]) =>
    spawnSync('sh', ['-c', script, 'preinst', ...words]).status
  t.equal(preinst('install'), 0, 'where it is not known')
  writeFileSync(cpuinfo, 'Features\t: fp asimd evtstrm aes\n')
  t.equal(preinst('install'), 0, 'on arm64')
  writeFileSync(cpuinfo, 'model name\t: x\nflags\t\t: fpu sse4_2 popcnt avx\nflags\t\t: fpu\n')
  t.equal(preinst('install'), 0)
  for (const flags of ['fpu sse4_2', 'fpu popcnt', 'fpu sse4_2x popcnt']) {
    writeFileSync(cpuinfo, `flags\t\t: ${flags}\n`)
    t.equal(preinst('install'), 1, flags)
    t.equal(preinst('upgrade', '0.0.9'), 1, flags)
    t.equal(preinst('abort-upgrade', '0.0.9'), 0, flags)
  }
})

/** A host of directories, and a way to call functions of queue-link.sh there. */
function makeHost(t: Test) {
  const root = t.testdir()
  const at = (path: string) => join(root, path)
  const program = (path: string) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), '', { mode: 0o755 })
  }
  program('/usr/lib/onescan/onescanc')
  mkdirSync(at('/etc/onescan'), { recursive: true })
  const functions = readFileSync(join(scripts, 'queue-link.sh'), 'utf8').replace(
    /\/(etc|usr|var)\//g,
    `${root}/$1/`,
  )
  return {
    program,
    link: (path: string, to: string) => {
      mkdirSync(dirname(at(path)), { recursive: true })
      symlinkSync(at(to), at(path))
    },
    call: (name: string) => spawnSync('sh', ['-c', `set -e\n${functions}\n${name}`]).status,
    linked: () => readlinkSync(at('/etc/onescan/queue')).replace(root, ''),
  }
}

t.test('a removal points the link to the real qmail-queue, wherever that is', async (t) => {
  for (const real of [
    '/var/qmail/bin/qmail-queue',
    '/usr/sbin/qmail-queue',
    '/var/indimail/bin/qmail-queue',
  ]) {
    const host = makeHost(t)
    host.program(real)
    host.link('/etc/onescan/queue', '/usr/lib/onescan/onescanc')
    t.equal(host.call('point_to_real_queue'), 0)
    t.equal(host.linked(), real)
    t.equal(host.call('point_back'), 0)
    t.equal(host.linked(), '/usr/lib/onescan/onescanc')
  }
})

t.test('a link that the administrator points elsewhere stays', async (t) => {
  const host = makeHost(t)
  host.program('/var/qmail/bin/qmail-queue')
  host.program('/opt/other')
  host.link('/etc/onescan/queue', '/opt/other')
  t.equal(host.call('point_to_real_queue'), 0)
  t.equal(host.linked(), '/opt/other')
  t.equal(host.call('point_back'), 0)
  t.equal(host.linked(), '/opt/other')
})

t.test('a qmail-queue that was installed meanwhile changes nothing about the link', async (t) => {
  const host = makeHost(t)
  host.link('/etc/onescan/queue', '/usr/lib/onescan/onescanc')
  t.equal(host.call('point_to_real_queue'), 0)
  host.program('/var/indimail/bin/qmail-queue')
  t.equal(host.call('point_back'), 0)
  t.equal(host.linked(), '/usr/lib/onescan/onescanc')
})

t.test('a qmail-queue that leads back to onescan is no way out: the removal stops', async (t) => {
  const host = makeHost(t)
  host.link('/etc/onescan/queue', '/usr/lib/onescan/onescanc')
  host.link('/var/qmail/bin/qmail-queue', '/etc/onescan/queue')
  t.equal(host.call('point_to_real_queue'), 1)
  t.equal(host.linked(), '/usr/lib/onescan/onescanc')
})

t.test('a link by way of /usr/sbin counts, also if its program is gone', async (t) => {
  const host = makeHost(t)
  host.program('/var/qmail/bin/qmail-queue')
  host.link('/etc/onescan/queue', '/usr/sbin/onescanc')
  t.equal(host.call('point_to_real_queue'), 0)
  t.equal(host.linked(), '/var/qmail/bin/qmail-queue')
})
