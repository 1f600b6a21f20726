import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findProgram } from '../programs/install.mjs'

/** The units, and what else systemd reads. */

const deb = join(import.meta.dirname, '../../packaging/deb')
const service = readFileSync(join(deb, 'onescand.service'), 'utf8')
const quotad = readFileSync(join(deb, 'onescan-quotad.service'), 'utf8')

const analyze = { skip: !findProgram('systemd-analyze') && 'install Debian package systemd' }

t.test('the units make sense to systemd', analyze, async (t) => {
  const directory = t.testdir()
  const unit = join(directory, 'onescand.service')
  // Of the program nothing is asked here but that it is there.
  writeFileSync(unit, service.replaceAll('/usr/sbin/onescand', '/bin/true'))
  copyFileSync(join(deb, 'onescand.socket'), join(directory, 'onescand.socket'))
  copyFileSync(join(deb, 'onescan-quotad.socket'), join(directory, 'onescan-quotad.socket'))
  const quotadUnit = join(directory, 'onescan-quotad.service')
  writeFileSync(quotadUnit, quotad.replaceAll('/usr/sbin/onescan-quotad', '/bin/true'))
  const doors = ['onescan-milter', 'onescan-postfix', 'onescan-policy'].map(
    (name) => `${name}.socket`,
  )
  for (const name of doors) copyFileSync(join(deb, name), join(directory, name))
  const names = ['onescand.socket', 'onescan-quotad.socket', ...doors]
  const sockets = names.map((name) => join(directory, name))
  for (const each of [unit, quotadUnit, ...sockets]) {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', each], {
      encoding: 'utf8',
    })
    const own = stderr
      .split('\n')
      .filter((line) => /onescan(d|-quotad|-milter|-postfix|-policy)\./.test(line))
    t.same(own, [], each)
    t.equal(status, 0, stderr)
  }
})

for (const name of ['onescand', 'onescan-quotad']) {
  t.test(`${name} is exposed by no more than 1.2`, analyze, async (t) => {
    const directory = t.testdir()
    const unit = join(directory, `${name}.service`)
    copyFileSync(join(deb, `${name}.service`), unit)
    copyFileSync(join(deb, `${name}.socket`), join(directory, `${name}.socket`))
    const { status, stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', '--no-pager', '--threshold=12', unit],
      { encoding: 'utf8' },
    )
    t.equal(status, 0, status === 0 ? 'systemd agrees' : stdout + stderr)
    const [, level] = /Overall exposure level for \S+\.service: (\S+)/.exec(stdout) ?? []
    t.ok(Number(level) <= 1.2, `exposure ${level}`)
  })
}

t.test('what the runtime and clamd need is not taken away', async (t) => {
  t.match(service, '\nMemoryDenyWriteExecute=no\n')
  t.match(service, '\nReadWritePaths=/var/spool/onescan -/var/lib/onescan/quarantine\n')
  t.match(service, '\nRuntimeDirectory=onescand\n')
  t.match(service, '\nPrivateUsers=no\n', 'or all owners of files look alike')
})

t.test('none but the first process of a service tells systemd how it is', async (t) => {
  for (const unit of [service, quotad]) {
    t.match(unit, '\nType=notify\n')
    t.match(unit, '\nNotifyAccess=main\n')
  }
})

t.test('what root makes stands where nobody else may put a link', async (t) => {
  const socket = readFileSync(join(deb, 'onescand.socket'), 'utf8')
  t.match(socket, '\nListenStream=/run/onescan/slot.sock\n')
  t.match(socket, '\nSocketUser=root\nSocketGroup=onescan\nSocketMode=0660\n')
  t.match(readFileSync(join(deb, 'tmpfiles.conf'), 'utf8'), '\nd /run/onescan 0755 root root -\n')
  t.notMatch(service, /\/run\/onescan\b/)
  for (const name of ['onescan-milter', 'onescan-postfix', 'onescan-policy']) {
    const unit = readFileSync(join(deb, `${name}.socket`), 'utf8')
    t.match(unit, '\nSocketUser=root\n', name)
    t.match(unit, '\nSocketMode=0660\n', name)
    t.match(unit, '\nDirectoryMode=0755\n', name)
    t.match(unit, '\nService=onescand.service\n', name)
  }
})

t.test('services log with the mail system', async (t) => {
  for (const unit of [service, quotad]) t.match(unit, '\nSyslogFacility=mail\n')
})

t.test('no two services run as one user', async (t) => {
  const users = [service, quotad].map((unit) => /^User=(.*)$/m.exec(unit)?.[1])
  t.same(users, ['onescan', 'onescan-quotad'])
})

t.test('onescan-quotad has one capability, and it is the one that its manual names', async (t) => {
  t.match(quotad, '\nCapabilityBoundingSet=CAP_DAC_READ_SEARCH\n')
  t.match(quotad, '\nAmbientCapabilities=CAP_DAC_READ_SEARCH\n')
  t.match(quotad, '\nProtectHome=read-only\n', 'mailboxes are in homes')
  t.notMatch(quotad, /^ReadWritePaths/m)
})

for (const [name, settings] of [
  ['onescand.default', [/^QHPSI=plugin: clamd$/m, /^SPOOLDIR=\/var\/spool\/onescan$/m]],
  ['onescan-quotad.default', [/^QUOTAMAILBOX=maildir:~\/Maildir$/m, /^QUOTAUSERS=passwd$/m]],
] as const) {
  t.test(`${name} is read alike by systemd and by sh`, async (t) => {
    const file = join(deb, name)
    const text = readFileSync(file, 'utf8')
    for (const line of text.split('\n').filter((each) => !/^(#.*)?$/.test(each))) {
      t.match(line, /^[A-Z_]+="[^"\\$`]*"$/, 'without anything that they take differently')
    }
    const sh = ['-c', 'set -a; . "$1"; env', 'sh', file]
    const values = execFileSync('sh', sh, { encoding: 'utf8' })
    for (const setting of settings) t.match(values, setting)
  })
}

const tmpfiles = {
  skip:
    (process.getuid?.() !== 0 && 'run as root') ||
    (!findProgram('systemd-tmpfiles') && 'install Debian package systemd'),
}

t.test('account and directories, made by systemd alone', tmpfiles, async (t) => {
  const run = { onescan: {} } // as older packages left it
  const host = t.testdir({ etc: { passwd: '', group: '' }, var: { spool: {} }, run })
  chownSync(join(host, 'run/onescan'), 54_321, 54_321)
  const conf = (name: string) => join(deb, name)
  execFileSync('systemd-sysusers', [`--root=${host}`, conf('sysusers.conf')], { stdio: 'ignore' })
  const [passwd, group] = ['passwd', 'group'].map((name) =>
    readFileSync(join(host, 'etc', name), 'utf8'),
  )
  for (const name of ['onescan', 'onescan-quotad', 'onescan-log', 'onescan-check']) {
    t.match(passwd, new RegExp(`^${name}:.*:/usr/sbin/nologin$`, 'm'))
  }
  t.match(group, /^onescan-keys:[^:]*:\d+:onescan$/m)
  execFileSync('systemd-tmpfiles', ['--create', `--root=${host}`, conf('tmpfiles.conf')], {
    stdio: 'ignore',
  })
  const mode = (path: string) =>
    execFileSync('stat', ['-c', '%a', join(host, path)], { encoding: 'utf8' }).trim()
  t.equal(mode('var/spool/onescan'), '3730')
  t.equal(mode('var/lib/onescan/quarantine'), '700')
  t.equal(mode('etc/onescan/keys'), '2750')
  t.equal(mode('run/onescan'), '755')
  t.equal(statSync(join(host, 'run/onescan')).uid, 0)

  execFileSync('chmod', ['3770', join(host, 'var/spool/onescan')])
  writeFileSync(join(host, 'etc/onescan/keys/clusterkeys'), 'x', { mode: 0o644 })
  execFileSync('systemd-tmpfiles', ['--create', `--root=${host}`, conf('tmpfiles.conf')], {
    stdio: 'ignore',
  })
  t.equal(mode('var/spool/onescan'), '3770', 'what the administrator chose stays')
  t.equal(mode('etc/onescan/keys/clusterkeys'), '644', 'onescand and onescan check tell him')
})
