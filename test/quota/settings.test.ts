import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t from 'tap'
import { checkStart } from '../../src/quota/check-quotad-start.ts'
import { readServiceSettings } from '../../src/quota/service-settings.ts'
import { valuesOf } from '../check-lines.ts'

/** The settings of onescan-quotad: what they stand for, and --check, which reports all faults together. */

async function reportOf(words: readonly string[], env: Record<string, string>) {
  const { isUsage, checkLines } = await checkStart(words, env)
  const [errors, warnings] = [valuesOf(checkLines, 'error'), valuesOf(checkLines, 'warning')]
  return { isUsage, errors, warnings }
}

t.test('--check reports the fault of each setting and option', async (t) => {
  const env = { QUOTAUSERS: 'nis', QUOTATIMEOUT: '-1', QUOTAMAILBX: 'x' }
  const { isUsage, errors, warnings } = await reportOf(['--alow', 'x', '--udp', 'here'], env)
  t.equal(isUsage, true)
  t.match(errors, [
    /^--alow: is not an option; did you mean --allow\?$/,
    /^--udp here: must be ADDRESS:PORT/,
    /^QUOTAUSERS="nis": /,
    /^QUOTATIMEOUT="-1": /,
  ])
  t.match(warnings, [/^QUOTAMAILBX is not a setting: .*; did you mean QUOTAMAILBOX\?$/])
})

t.test('each setting that cannot be used is named, with the remedy', async (t) => {
  for (const [env, message] of [
    [{ QUOTAMAILBOX: 'maildir:/home/%x' }, /QUOTAMAILBOX maildir:\/home\/%x: %x is not one of/],
    [{ QUOTAMAILBOX: 'quota-status:here' }, /QUOTAMAILBOX="quota-status:here": must be/],
    [{ QUOTAUSERS: 'ldap' }, /QUOTAUSERS ldap: needs QUOTALDAPURL/],
    [{ QUOTADEFAULT: 'much' }, /QUOTADEFAULT="much": must be a size/],
    [{ QUOTAMAP: 'quotas' }, /QUOTAMAP="quotas": must be an absolute path/],
    [
      { QUOTALDAPURL: 'ldap://x', QUOTALDAPCA: '/x' },
      /QUOTALDAPCA: needs TLS, and QUOTALDAPURL is ldap:\/\/x; set it to ldaps/,
    ],
    [{ QUOTATIMEOUT: '0' }, /QUOTATIMEOUT="0": must be a whole number of milliseconds/],
    [{ QUOTALDAPURL: 'http://x' }, /QUOTALDAPURL="http:\/\/x": must be ldap:/],
    [{ QUOTALDAPURL: 'ldap://x/dc=x??sub' }, /QUOTALDAPURL=.*\/BASE if wanted/],
    [{ QUOTALDAPURL: 'ldap://x/dc=%zz' }, /QUOTALDAPURL=.*\/BASE if wanted/],
    [{ QUOTALDAPURL: 'ldap://x', QUOTALDAPBIND: 'cn=x' }, /QUOTALDAPPASSWORD: is not set/],
    [{ QUOTALDAPURL: 'ldap://x', QUOTALDAPFILTER: 'uid=%u' }, /QUOTALDAPFILTER="uid=%u": must be/],
    [{ QUOTAALIASES: 'ldap' }, /QUOTAALIASES ldap: needs QUOTALDAPURL/],
    [{ QUOTALDAPURL: 'ldap://x', QUOTALDAPHOME: 'a b' }, /QUOTALDAPHOME="a b": must be the name/],
  ] as const) {
    const { errors } = await reportOf([], env)
    t.match(errors, [message])
  }
})

const passwd = { kind: 'passwd', file: '/etc/passwd' }
const anyUser = 'maildir:/mail/%u'

for (const { env, users } of [
  { env: { QUOTAMAILBOX: anyUser }, users: [] },
  { env: { QUOTAMAILBOX: 'maildir:~/Maildir' }, users: [passwd] },
  { env: { QUOTAMAILBOX: 'mbox:%h/mbox', QUOTALDAPURL: 'ldap://x' }, users: [{ kind: 'ldap' }] },
  {
    env: { QUOTAMAILBOX: anyUser, QUOTAUSERS: ' /homes passwd:/a  passwd ' },
    users: [{ kind: 'homes', file: '/homes' }, { kind: 'passwd', file: '/a' }, passwd],
  },
]) {
  t.test(`users of ${Object.values(env).join(', ')}`, async (t) => {
    t.same(readServiceSettings(env).users, users)
  })
}

t.test('the settings of the package leave the users to LDAP, or to the path', async (t) => {
  const file = join(import.meta.dirname, '../../packaging/shipped/defaults/onescan-quotad')
  const usersOf = (env: Record<string, string>) =>
    readServiceSettings({ ...parseEnv(readFileSync(file, 'utf8')), ...env }).users
  t.same(usersOf({}), [passwd])
  t.same(usersOf({ QUOTAMAILBOX: 'maildir:/var/vmail/%d/%n' }), [])
  t.same(usersOf({ QUOTALDAPURL: 'ldap://x' }), [{ kind: 'ldap' }])
})

for (const { QUOTAMAILBOX, source } of [
  { QUOTAMAILBOX: 'quota-status:unix:/run/q', source: { address: { path: '/run/q' } } },
  {
    QUOTAMAILBOX: 'quota-status:inet:[::1]:12340',
    source: { address: { host: '::1', port: 12340 }, text: 'inet:[::1]:12340' },
  },
  { QUOTAMAILBOX: 'mbox:/var/mail/%u', source: { kind: 'mbox' } },
]) {
  t.test(`QUOTAMAILBOX ${QUOTAMAILBOX}`, async (t) => {
    t.match(readServiceSettings({ QUOTAMAILBOX }).source, source)
  })
}

t.test('names that are not a mailbox are refused', async (t) => {
  for (const QUOTAMAILBOX of [
    'maildir:mail/%u',
    'xmaildir:/mail/%u',
    'dbox:/mail/%u',
    'quota-status:unix:here',
    'quota-status:inet:x',
    'quota-status:/run/q',
  ]) {
    t.throws(() => readServiceSettings({ QUOTAMAILBOX }), { name: 'Fault' }, QUOTAMAILBOX)
  }
})

t.test('QUOTADEFAULT is a size, or limits', async (t) => {
  const limits = (QUOTADEFAULT: string) =>
    readServiceSettings({ QUOTAMAILBOX: anyUser, QUOTADEFAULT }).defaultLimits
  t.same(limits(''), {})
  t.match(limits('1G'), { bytes: 1024 ** 3 })
  t.match(limits('1000S,10C'), { bytes: 1000, messages: 10 })
})

t.test('the URL of a directory may have the base of the search', async (t) => {
  const baseOf = (QUOTALDAPURL: string) => readServiceSettings({ QUOTALDAPURL }).ldap?.base
  t.equal(baseOf('ldap://x'), '')
  t.equal(baseOf('ldap://x:389/'), '')
  t.equal(baseOf('ldaps://x/ou=mail%20users,dc=example,dc=org'), 'ou=mail users,dc=example,dc=org')
  t.equal(baseOf('ldapi://%2Frun%2Fldapi/dc=x'), 'dc=x')
})
