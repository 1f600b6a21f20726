import t from 'tap'
import {
  checkServerUnit,
  findMailServers,
  noMailServer,
} from '../../../../../src/scanner/cli/check/mail-server-config/mail-servers.ts'
import {
  networkAddresses,
  onescandEndpoints,
} from '../../../../../src/scanner/cli/check/mail-server-config/onescand-endpoints.ts'
import {
  checkStartsAtBoot,
  startCommand,
} from '../../../../../src/scanner/cli/check/services/starts-at-boot.ts'
import { readOptions } from '../../../../../src/scanner/options/daemon-options.ts'
import { linesOf } from '../../../../check-lines.ts'

const of = (...paths: readonly string[]) => findMailServers((path) => paths.includes(path))

const QMAIL = '/var/qmail'
const POSTFIX = ['/usr/sbin/postconf', '/usr/sbin/sendmail', '/etc/postfix/main.cf']
const CF = '/etc/mail/sendmail.cf'

t.test('mail servers are known by their programs and their files', async (t) => {
  t.same(of(QMAIL), ['qmail'])
  t.same(of(...POSTFIX), ['Postfix'])
  t.same(of('/usr/libexec/sendmail/sendmail', CF), ['Sendmail'], 'on Debian')
  t.same(of('/usr/sbin/sendmail', CF), ['Sendmail'], 'as its source installs it')
  t.same(of(QMAIL, ...POSTFIX), ['qmail', 'Postfix'])
  t.same(of(...POSTFIX, '/usr/lib/sm.bin/sendmail', CF), ['Postfix', 'Sendmail'])
})

t.test('a mail server that was removed and left its files is ignored', async (t) => {
  t.same(of(...POSTFIX, CF), ['Postfix'])
  t.same(of('/usr/libexec/sendmail/sendmail', CF, '/etc/postfix/main.cf'), ['Sendmail'])
  t.same(of('/etc/postfix/main.cf', CF), [])
})

t.test(
  'a host without a mail server is reported, unless onescand serves other hosts or clients of clamd',
  async (t) => {
    t.same(of(), [])
    const found = (...options: string[]) =>
      noMailServer(onescandEndpoints(readOptions(options), undefined), false)
    t.match(found(), { level: 'warning', what: 'mail server', value: /^none was found/ })
    const clamd = ['--clamd', 'unix:/run/onescan/clamd.sock']
    t.match(found('--milter', 'inet:0.0.0.0:8890', ...clamd), {
      level: 'ok',
      value: /serves other hosts at inet:0\.0\.0\.0:8890$/,
    })
    t.match(
      found(...clamd),
      { level: 'ok', value: /serves clients of clamd at unix:\/run\/onescan\/clamd\.sock$/ },
      'check does not know Haraka, which asks onescand as clamd',
    )
    t.match(found('--milter', 'inet:127.0.0.1:8890', ...clamd), { level: 'warning' })
    t.match(found('--smtp', 'inet:127.0.0.1:10025', '--next', 'inet:127.0.0.1:10026', ...clamd), {
      level: 'warning',
    })
  },
)

t.test('a mail server that check does not know may use onescand at a port', async (t) => {
  const found = (hasSmtp: boolean, ...options: string[]) =>
    linesOf([noMailServer(onescandEndpoints(readOptions(options), undefined), hasSmtp)])
  const atPort = ['--milter', 'inet:127.0.0.1:8890']
  t.match(found(true, ...atPort), [
    /^ok mail server: this check does not know the server at port 25, which may use onescand at inet:127\.0\.0\.1:8890: onescan check --mail ADDRESS shows whether its mail is scanned$/,
  ])
  t.match(found(false, ...atPort), [/^warning mail server: none was found /])
  t.match(found(true, '--milter', 'unix:/run/a.sock'), [/^warning mail server: none was found /])
})

t.test('an address that only this host reaches serves no other host', async (t) => {
  const own = ['127.0.0.1:8890', '8890@127.0.0.1', '127.9.9.9:1']
  const milters = [
    ...own.map((place) => `inet:${place}`),
    'inet6:[::1]:8890',
    'inet6:8890@::1',
    'unix:/run/a.sock',
  ]
  const options = milters.map((address) => `--milter=${address}`)
  options.push('--smtp=inet:10025@127.0.0.1', '--next=inet:127.0.0.1:26', '--clamd=tls:[::1]:3312')
  t.same(networkAddresses(onescandEndpoints(readOptions(options), undefined)), [])
})

t.test('a server that passes its mail on over SMTP is not a qmail-queue program', async (t) => {
  t.same(of('/usr/sbin/exim4', '/usr/sbin/sendmail'), ['Exim'])
  t.same(of('/usr/sbin/smtpctl', '/usr/sbin/sendmail'), ['OpenSMTPD'])
  t.same(of(QMAIL, '/usr/sbin/exim'), ['qmail', 'Exim'])
})

t.test('a server that systemd does not run is named, with how it starts', async (t) => {
  const judged = (load: string, active: string, enabled = 'generated') =>
    linesOf(checkServerUnit('Exim', () => ({ load, active, enabled })))
  t.same(judged('loaded', 'active'), [])
  t.same(judged('masked', 'active', 'masked'), [])
  t.same(judged('masked', 'inactive', 'masked'), [
    'warning Exim: is not running: its unit is masked; systemctl unmask exim && systemctl enable --now exim',
  ])
  t.match(judged('loaded', 'failed'), [
    /^error Exim: .* failed; fix the error that journalctl -u exim/,
  ])
  t.same(judged('loaded', 'inactive'), [
    'error Exim: is not running: it was stopped; systemctl start exim',
  ])
  t.match(judged('loaded', 'inactive', 'disabled'), [
    /^warning Exim: is not running.*; systemctl enable --now exim$/,
  ])
})

t.test('a command that starts a unit also has it start at each boot', async (t) => {
  const command = (load: string, enabled: string, verb?: 'restart') =>
    startCommand('onescand', { load, active: 'inactive', enabled }, verb)
  t.equal(command('loaded', 'enabled'), 'systemctl start onescand')
  t.equal(command('loaded', 'enabled', 'restart'), 'systemctl restart onescand')
  t.equal(command('loaded', 'static'), 'systemctl start onescand')
  t.equal(command('loaded', 'disabled'), 'systemctl enable --now onescand')
  t.equal(
    command('loaded', 'disabled', 'restart'),
    'systemctl enable onescand && systemctl restart onescand',
  )
  t.equal(
    command('masked', 'masked'),
    'systemctl unmask onescand && systemctl enable --now onescand',
  )
  const inRun = { load: 'masked', active: 'inactive', enabled: 'masked-runtime' }
  t.equal(
    startCommand('clamav-daemon', inRun, 'start', () => ({ ...inRun, enabled: 'masked' })),
    'systemctl unmask --runtime clamav-daemon && systemctl unmask clamav-daemon.socket && systemctl enable --now clamav-daemon',
    'a mask that ends with the next boot, and one of its socket',
  )
})

t.test('what runs and does not start when the host boots is named', async (t) => {
  const judged = (units: Readonly<Record<string, readonly [active: string, enabled: string]>>) =>
    linesOf(
      checkStartsAtBoot(['clamav-daemon', 'clamd@scan'], 'mail cannot be scanned', (name) => {
        const [active, enabled] = units[name] ?? []
        return active === undefined ? undefined : { load: 'loaded', active, enabled: enabled! }
      }),
    )
  const named = (unit: string, remedy: string, state = 'disabled') => [
    `warning ${unit}: runs, but is ${state}: after a boot it does not run, and mail cannot be scanned; ${remedy}`,
  ]
  for (const enabled of ['enabled', 'static', 'indirect', 'generated', 'alias'])
    t.same(judged({ 'clamav-daemon': ['active', enabled] }), [], enabled)
  // As Debian 13 leaves it; the socket of Debian 12 would start it.
  const asInstalled = { 'clamav-daemon': ['active', 'disabled'] } as const
  t.same(judged(asInstalled), named('clamav-daemon', 'systemctl enable clamav-daemon'))
  t.same(judged({ ...asInstalled, 'clamav-daemon.socket': ['active', 'enabled'] }), [])
  const masked = judged({ 'clamd@scan': ['active', 'masked'] })
  const command = 'systemctl unmask clamd@scan && systemctl enable clamd@scan'
  t.same(masked, named('clamd@scan', command, 'masked'))
  t.same(
    judged({ 'clamav-daemon': ['inactive', 'disabled'] }),
    [],
    'what does not run is named elsewhere',
  )
  t.match(
    linesOf(
      checkServerUnit('Postfix', () => ({ load: 'loaded', active: 'active', enabled: 'disabled' })),
    ),
    [
      /^warning postfix: runs, but is disabled: .*, and no mail is accepted; systemctl enable postfix$/,
    ],
  )
})
