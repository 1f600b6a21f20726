import { execFileSync, spawnSync } from 'node:child_process'
import {
  chownSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../needs.mjs'

/** The units, and what else systemd reads. */

const packaging = join(import.meta.dirname, '../../packaging/shipped')
const systemd = join(packaging, 'systemd')
const service = readFileSync(join(systemd, 'onescand.service'), 'utf8')
const quotad = readFileSync(join(systemd, 'onescan-quotad.service'), 'utf8')
const units = readdirSync(systemd).filter((name) => /\.(service|socket)$/.test(name))

const analyze = { skip: lacks('systemd-analyze') }

t.test('systemd-analyze finds no fault with the units', analyze, async (t) => {
  const directory = t.testdir()
  for (const name of units) {
    const text = readFileSync(join(systemd, name), 'utf8')
    // Of the programs nothing is asked here but that they are there.
    writeFileSync(join(directory, name), text.replace(/\/usr\/sbin\/onescan[\w-]*/g, '/bin/true'))
  }
  for (const name of units) {
    const words = ['verify', '--man=no', join(directory, name)]
    const { status, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' })
    const own = stderr.split('\n').filter((line) => units.some((other) => line.includes(other)))
    t.same(own, [], name)
    t.equal(status, 0, stderr)
  }
})

/** The others make empty directories, and end. */
const isDaemon = (name: string) => name.endsWith('.service') && !name.endsWith('-root.service')

/** Tenths of what systemd-analyze calls the exposure, which is 10 for a service without any limit. */
const exposures = { 'onescand.service': 12, 'onescan-quotad.service': 7 }

// promise: bad-onescand, rule-15-account
t.test('systemd-analyze security rates the services 1.2 and 0.7 at most', analyze, async (t) => {
  t.same(Object.keys(exposures).sort(), units.filter(isDaemon).sort())
  const directory = t.testdir()
  for (const name of units) copyFileSync(join(systemd, name), join(directory, name))
  for (const [name, most] of Object.entries(exposures)) {
    const limit = `--threshold=${most}`
    const words = ['security', '--offline=true', '--no-pager', limit, join(directory, name)]
    const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' })
    t.equal(status, 0, status === 0 ? 'systemd agrees' : stdout + stderr)
    const [, level] = /Overall exposure level for \S+\.service: (\S+)/.exec(stdout) ?? []
    t.ok(Number(level) * 10 <= most, `${name}: ${level}`)
  }
})

t.test('the units leave the runtime and clamd what they need', async (t) => {
  t.match(service, '\nMemoryDenyWriteExecute=no\n')
  t.match(service, '\nBindPaths=/var/spool/onescan -/var/lib/onescan/quarantine\n')
  t.match(service, '\nRuntimeDirectory=onescand\n')
  t.match(service, '\nPrivateUsers=no\n', 'or all owners of files look alike')
})

// promise: bad-smtpd-or-quotad
t.test('only the first process of a service may send its state to systemd', async (t) => {
  for (const unit of [service, quotad]) {
    t.match(unit, '\nType=notify\n')
    t.match(unit, '\nNotifyAccess=main\n')
  }
})

// promise: log-unread, bad-smtpd-or-quotad
t.test('root creates files only where no other user may put a link', async (t) => {
  const socket = readFileSync(join(systemd, 'onescand.socket'), 'utf8')
  t.match(socket, '\nListenStream=/run/onescan/qmail.sock\n')
  t.match(socket, '\nSocketUser=root\nSocketGroup=onescan\nSocketMode=0660\n')
  t.match(
    readFileSync(join(systemd, 'tmpfiles.conf'), 'utf8'),
    '\nd /run/onescan 0755 root root -\n',
  )
  t.notMatch(service, /^(?!Bind).*\/run\/onescan\b/m)
  for (const name of ['onescan-milter', 'onescan-postfix', 'onescan-policy']) {
    const unit = readFileSync(join(systemd, `${name}.socket`), 'utf8')
    t.match(unit, '\nSocketUser=root\n', name)
    t.match(unit, '\nSocketMode=0660\n', name)
    t.match(unit, '\nDirectoryMode=0755\n', name)
    t.match(unit, '\nService=onescand.service\n', name)
  }
  const clamd = readFileSync(join(systemd, 'onescan-clamd.socket'), 'utf8')
  t.match(clamd, '\nListenStream=/run/onescan/clamd.sock\n')
  t.match(clamd, '\nDirectoryMode=0755\nSocketUser=root\n')
})

t.test('services log with the mail system', async (t) => {
  for (const unit of [service, quotad]) t.match(unit, '\nSyslogFacility=mail\n')
})

// promise: bad-onescand
t.test('no two services run as one user', async (t) => {
  const users = [service, quotad].map((unit) => /^User=(.*)$/m.exec(unit)?.[1])
  t.same(users, ['onescan', 'onescan-quotad'])
})

t.test('onescan-quotad has the one capability that its manual names', async (t) => {
  t.match(quotad, '\nCapabilityBoundingSet=CAP_DAC_READ_SEARCH\n')
  t.match(quotad, '\nAmbientCapabilities=CAP_DAC_READ_SEARCH\n')
  t.match(quotad, '\nProtectHome=read-only\n', 'mailboxes are in homes')
  t.notMatch(quotad, /^ReadWritePaths/m)
})

for (const [name, expected] of [
  ['onescand', [/^ONESCAND_OPTIONS=$/m]],
  ['onescan-quotad', [/^QUOTAMAILBOX=maildir:~\/Maildir$/m]],
] as const) {
  t.test(`the defaults of ${name} are read alike by systemd and by sh`, async (t) => {
    const file = join(packaging, 'defaults', name)
    const text = readFileSync(file, 'utf8')
    const settings = readFileSync(join(packaging, 'etc-default', name), 'utf8')
    t.notMatch(settings, /^[^#\n]/m, 'a new file of the administrator sets nothing')
    for (const [line] of text.matchAll(/^[A-Z].*$/gm)) t.match(settings, `\n#${line}\n`)
    for (const line of text.split('\n').filter((text) => !/^(#.*)?$/.test(text))) {
      t.match(line, /^[A-Z_]+="[^"\\$`]*"$/, 'without anything that they take differently')
    }
    const sh = ['-c', 'set -a; . "$1"; env', 'sh', file]
    const values = execFileSync('sh', sh, { encoding: 'utf8' })
    for (const value of expected) t.match(values, value)
  })
}

const tmpfiles = {
  skip: lacks('root', 'systemd-tmpfiles'),
}

// promise: rule-15-account
t.test('account and directories, made by systemd alone', tmpfiles, async (t) => {
  const run = { onescan: {} } // somebody else's
  const host = t.testdir({ etc: { passwd: '', group: '' }, var: { spool: {} }, run })
  chownSync(join(host, 'run/onescan'), 54_321, 54_321)
  const conf = (name: string) => join(systemd, `${name}.conf`)
  const files = [conf('sysusers'), conf('sysusers-quotad')]
  execFileSync('systemd-sysusers', [`--root=${host}`, ...files], { stdio: 'ignore' })
  const [passwd, group] = ['passwd', 'group'].map((name) =>
    readFileSync(join(host, 'etc', name), 'utf8'),
  )
  for (const name of ['onescan', 'onescan-quotad', 'onescan-log', 'onescan-check']) {
    t.match(passwd, new RegExp(`^${name}:.*:/usr/sbin/nologin$`, 'm'))
  }
  t.match(
    group,
    /^onescan-keys:[^:]*:\d+:$/m,
    'an administrator decides who is in it: postinst asks once',
  )
  execFileSync('systemd-tmpfiles', ['--create', `--root=${host}`, conf('tmpfiles')], {
    stdio: 'ignore',
  })
  const mode = (path: string) =>
    execFileSync('stat', ['-c', '%a', join(host, path)], { encoding: 'utf8' }).trim()
  t.equal(mode('var/spool/onescan'), '700', 'the group is that of all clients')
  t.equal(mode('var/lib/onescan/quarantine'), '700')
  t.equal(mode('etc/onescan/keys'), '2750')
  t.equal(mode('run/onescan'), '755')
  t.equal(statSync(join(host, 'run/onescan')).uid, 0)

  execFileSync('chmod', ['3770', join(host, 'var/spool/onescan')])
  writeFileSync(join(host, 'etc/onescan/keys/clusterkeys'), 'x', { mode: 0o644 })
  execFileSync('systemd-tmpfiles', ['--create', `--root=${host}`, conf('tmpfiles')], {
    stdio: 'ignore',
  })
  t.equal(mode('var/spool/onescan'), '3770', 'what the administrator chose stays')
  t.equal(mode('etc/onescan/keys/clusterkeys'), '644', 'onescand and onescan check report it')
})
