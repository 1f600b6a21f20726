import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { pathsIn } from '../../../src/cli/check/names.ts'
import { checkRemoval, type Removal } from '../../../src/cli/check/removal.ts'
import { ucspiMissing } from '../../programs/ucspi.ts'
import { onescan } from '../onescan.ts'

/** A host of directories, with programs, a link to them and services. */
function makeHost(t: Test) {
  const root = t.testdir()
  const at = (...names: string[]) => join(root, ...names)
  const write = (path: string, text: string | Buffer) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    writeFileSync(at(path), text)
  }
  const link = (path: string, target: string) => {
    mkdirSync(dirname(at(path)), { recursive: true })
    symlinkSync(target, at(path))
  }
  write('lib/onescan/onescanc', '')
  write('var/qmail/bin/qmail-queue', '')
  link('sbin/onescanc', '../lib/onescan/onescanc')
  link('etc/onescan/queue', at('lib/onescan/onescanc'))
  const removal: Removal = {
    home: at('lib/onescan'),
    link: at('etc/onescan/queue'),
    searched: [at('etc'), at('service'), at('var/qmail/bin'), at('nowhere')],
    services: [at('service')],
    processes: at('proc'),
  }
  /** Files with what they name, where the removal would stop mail; all else is ok. */
  const trouble = () =>
    checkRemoval(removal)
      .filter(({ level }) => level !== 'ok')
      .map(({ what, value }) => [what.replace(`${root}/`, ''), value.replace(`${root}/`, '')])
  return { at, write, link, removal, trouble }
}

t.test('what names the link is taken care of', async (t) => {
  const { at, write, removal } = makeHost(t)
  write('etc/tcp.smtp', `:allow,QMAILQUEUE="${at('etc/onescan/queue')}"\n`)
  write('service/smtpd/env/QMAILQUEUE', `${at('etc/onescan/queue')}\n`)
  t.same(
    checkRemoval(removal).map(({ level, what }) => [level, what]),
    [
      ['ok', at('etc/onescan/queue')],
      ['ok', at('etc/tcp.smtp')],
      ['ok', at('service/smtpd/env/QMAILQUEUE')],
    ],
  )
})

t.test('without the link of the package, what names it stops mail too', async (t) => {
  const { at, write, removal } = makeHost(t)
  write('etc/tcp.smtp', `:allow,QMAILQUEUE="${at('etc/onescan/queue')}"\n`)
  const findings = checkRemoval({ ...removal, link: undefined })
  t.same(
    findings.map(({ level, what }) => [level, what]),
    [
      ['error', at('etc/onescan/queue')],
      ['error', at('etc/tcp.smtp')],
    ],
  )
})

t.test('programs that are named past the link are found', async (t) => {
  const { at, write, link, trouble } = makeHost(t)
  const own = at('lib/onescan/onescanc')
  const called = at('sbin/onescanc')
  write('etc/tcp.smtp', `# ${own}\n:allow,QMAILQUEUE="${called}",REJECTVIRUS="1"\n`)
  write('service/smtpd/run', `#!/bin/sh\nexec envdir ${at('settings')} ${own} x\n`)
  write('settings/QMAILQUEUE', called)
  link('var/qmail/bin/onescan-slot', '../../../lib/onescan/onescanc')
  t.same(
    trouble().sort(),
    [
      ['etc/tcp.smtp', 'names sbin/onescanc'],
      ['service/smtpd/run', 'names lib/onescan/onescanc'],
      ['settings/QMAILQUEUE', 'names sbin/onescanc'],
      ['var/qmail/bin/onescan-slot', 'names lib/onescan/onescanc'],
    ].sort(),
  )
})

t.test('a link of the administrator is seen through', async (t) => {
  const { at, write, link, trouble } = makeHost(t)
  link('opt/slot', at('sbin/onescanc'))
  write('etc/tcp/rules', `:allow,QMAILQUEUE="${at('opt/slot')}"\n`)
  t.same(trouble(), [['etc/tcp/rules', 'names opt/slot']])
})

t.test('a service that is a link to its directory is gone into, once', async (t) => {
  const { at, write, link, removal, trouble } = makeHost(t)
  write('supervise/smtpd/env/QMAILQUEUE', at('sbin/onescanc'))
  link('service/smtpd', '../supervise/smtpd')
  t.same(trouble(), [['service/smtpd/env/QMAILQUEUE', 'names sbin/onescanc']])
  const twice = { ...removal, searched: [...removal.searched, at('supervise'), at('service')] }
  const errors = checkRemoval(twice).filter(({ level }) => level === 'error')
  t.equal(errors.length, 1)
})

t.test('a rule is found in its cdb', { skip: ucspiMissing }, async (t) => {
  const { at, write, trouble } = makeHost(t)
  write('etc/tcp.smtp.cdb', '')
  execFileSync('tcprules', [at('etc/tcp.smtp.cdb'), at('etc/tmp')], {
    input: `10.:allow,RELAYCLIENT=""\n:allow,QMAILQUEUE="${at('sbin/onescanc')}",QHPSI="x"\n`,
  })
  t.same(trouble(), [['etc/tcp.smtp.cdb', 'names sbin/onescanc']])
})

t.test('a service that runs still has what it was started with', async (t) => {
  const { at, write, trouble } = makeHost(t)
  write(
    'proc/17/environ',
    `PATH=/bin\0QMAILQUEUE=${at('sbin/onescanc')}\0_=${at('sbin/onescanc')}\0`,
  )
  write('proc/17/comm', 'tcpserver\n')
  write('proc/18/environ', `QMAILQUEUE=${at('var/qmail/bin/qmail-queue')}\0`)
  write('proc/18/comm', 'tcpserver\n')
  t.same(trouble(), [['process 17 (tcpserver)', 'names sbin/onescanc']])
})

t.test(
  'other programs, directories of that name and what leads nowhere are left out',
  async (t) => {
    const { at, write, link, removal, trouble } = makeHost(t)
    write('etc/passwd', `onescan:x:100:101::${at('lib/onescan')}:/usr/sbin/nologin\n`)
    write('etc/tcp.smtp', `:allow,QMAILQUEUE="${at('lib/onescan/gone')}"\n`)
    write('etc/program', Buffer.concat([Buffer.from('\x7fELF'), Buffer.from(at('sbin/onescanc'))]))
    link('etc/dangling', at('nowhere'))
    execFileSync('mkfifo', [at('etc/pipe')])
    t.same(trouble(), [])
    const empty = { ...removal, searched: [] }
    t.match(checkRemoval(empty), [
      { level: 'ok', value: `nothing names what is in ${removal.home}` },
    ])
  },
)

t.test('paths end where a shell, a rule or a cdb ends them', async (t) => {
  t.same(pathsIn('A="/a/b",B=/c;exec /d/e-f.g "/h"\n'), ['/a/b', '/c', '/d/e-f.g', '/h'])
  t.same(pathsIn('+Q=/a/b\0+R=/c\0\n#/d\0'), ['/a/b', '/c', '/d'])
  t.same(pathsIn('  # /a\n/b # /c\nx/y'), ['/b', '/c'])
})

t.test('onescan check --removal tells it for this installation', async (t) => {
  const { code, out } = await onescan(['check', '--removal', '--json'])
  const findings = JSON.parse(out)
  t.ok(findings.length > 0)
  t.equal(code, findings.some(({ level }: { level: string }) => level === 'error') ? 2 : 0)
})
