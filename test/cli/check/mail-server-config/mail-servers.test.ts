import t from 'tap'
import {
  checkServerUnit,
  findMailServers,
  noMailServer,
} from '../../../../src/cli/check/mail-server-config/mail-servers.ts'
import {
  networkAddresses,
  onescandEndpoints,
} from '../../../../src/cli/check/mail-server-config/onescand-endpoints.ts'
import { linesOf } from '../machine.ts'

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
  'a host without a mail server is reported, unless onescand serves other hosts',
  async (t) => {
    t.same(of(), [])
    t.match(noMailServer([]), { level: 'warning', what: 'mail server', value: /^none was found/ })
    const address = 'inet:0.0.0.0:8890'
    const options = ['--milter', address, '--clamd', 'unix:/run/onescan/clamd.sock']
    const addresses = networkAddresses(onescandEndpoints(options, undefined))
    t.match(noMailServer(addresses), {
      level: 'ok',
      value: /serves other hosts at inet:0\.0\.0\.0:8890$/,
    })
  },
)

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
    'warning Exim: is not running: its unit is masked; systemctl unmask exim4 && systemctl start exim4',
  ])
  t.match(judged('loaded', 'failed'), [/^error Exim: .* failed; fix what journalctl -u exim4/])
  t.same(judged('loaded', 'inactive'), [
    'error Exim: is not running: it was stopped; systemctl start exim4',
  ])
  t.match(judged('loaded', 'inactive', 'disabled'), [/^warning Exim: is not running/])
})
