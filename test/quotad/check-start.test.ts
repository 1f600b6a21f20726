import t from 'tap'
import { checkStart } from '../../src/quotad/check-start.ts'

/** onescan-quotad --check reports all faults together. */

async function reportOf(words: readonly string[], env: Record<string, string>) {
  const { isUsage, findings } = await checkStart(words, env)
  const linesOf = (wanted: string) =>
    findings
      .filter(({ level }) => level === wanted)
      .map(({ value, remedy }) => `${value}; ${remedy}`)
  return { isUsage, errors: linesOf('error'), warnings: linesOf('warning') }
}

if (process.getuid!() === 0) process.setuid!('nobody') // it would not start as root

t.test('--check reports the fault of each setting and option', async (t) => {
  const env = { QUOTAUSERS: 'nis', QUOTACASE: 'upper', QUOTAPATIENCE: '-1', QUOTAMAILBX: 'x' }
  const { isUsage, errors, warnings } = await reportOf(['--alow', 'x', '--udp', 'here'], env)
  t.equal(isUsage, true)
  t.match(errors, [
    /^--alow: is not an option; did you mean --allow\?$/,
    /^--udp here: must be ADDRESS:PORT/,
    /^QUOTAUSERS nis: /,
    /^QUOTACASE upper: must be lower or keep; correct it$/,
    /^QUOTAPATIENCE -1: /,
  ])
  t.match(warnings, [/^QUOTAMAILBX is not a setting: .*; did you mean QUOTAMAILBOX\?$/])
})

t.test('each setting that cannot be used is named, with the remedy', async (t) => {
  for (const [env, message] of [
    [{ QUOTAMAILBOX: 'maildir:/home/%x' }, /QUOTAMAILBOX maildir:\/home\/%x: %x is none of/],
    [{ QUOTAMAILBOX: 'quota-status:here' }, /QUOTAMAILBOX quota-status:here: must be/],
    [{ QUOTAUSERS: 'ldap' }, /QUOTAUSERS ldap: needs QUOTALDAPURL/],
    [{ QUOTADEFAULT: 'much' }, /QUOTADEFAULT much: must be a size/],
    [{ QUOTAMAP: 'quotas' }, /QUOTAMAP quotas: must be an absolute path/],
    [{ QUOTACASE: 'upper' }, /QUOTACASE upper: must be lower or keep/],
    [
      { QUOTALDAPURL: 'ldap://x', QUOTALDAPCA: '/x' },
      /QUOTALDAPCA: needs TLS, and QUOTALDAPURL is ldap:\/\/x; set it to ldaps/,
    ],
    [{ QUOTAPATIENCE: '0' }, /QUOTAPATIENCE 0: must be a whole number of milliseconds/],
    [{ QUOTALDAPURL: 'http://x' }, /QUOTALDAPURL http:\/\/x: must be ldap:/],
    [{ QUOTALDAPURL: 'ldap://x', QUOTALDAPBIND: 'cn=x' }, /QUOTALDAPPASSWORD: is unset/],
    [{ QUOTALDAPURL: 'ldap://x', QUOTALDAPFILTER: 'uid=%u' }, /QUOTALDAPFILTER uid=%u: must be/],
    [{ QUOTALDAPURL: 'ldap://x', QUOTALDAPHOME: 'a b' }, /QUOTALDAPHOME a b: must be the name/],
  ] as const) {
    const { errors } = await reportOf([], env)
    t.match(errors, [message])
  }
})

t.test('--check warns about files that cannot be read', async (t) => {
  const env = { QUOTAMAILBOX: 'maildir:/mail/%u', QUOTAMAP: '/nonexistent/map' }
  const { errors, warnings } = await reportOf([], env)
  t.same(errors, [])
  t.match(warnings, [/^QUOTAMAP \/nonexistent\/map: ENOENT/])
})
