import fc from 'fast-check'
import t from 'tap'
import { misspeltSettings, nearestName } from '../../../src/lib/settings/misspelt.ts'

const names = ['QHPSI', 'REJECTVIRUS', 'SCANTIMEOUT', 'SPOOLDIR', 'CLAMD', 'CLAMDBDIR']

t.test('the setting that was meant is guessed from a misspelt name', async (t) => {
  t.equal(nearestName('QHSPI', names), 'QHPSI', 'letters swapped')
  t.equal(nearestName('REJECT_VIRUS', names), 'REJECTVIRUS')
  t.equal(nearestName('scantimeuot', names), 'SCANTIMEOUT')
  t.equal(nearestName('CLAMDB', names), 'CLAMD')
  t.equal(nearestName('SPOLDIR', names), 'SPOOLDIR')
})

t.test('a variable that is not a misspelt setting is not reported', async (t) => {
  for (const word of ['PATH', 'QUOTAD', 'X', '', 'TCPREMOTEIP']) {
    t.equal(nearestName(word, names), undefined, word)
  }
  t.equal(nearestName('QHPSI', []), undefined)
})

t.test(
  'each setting is the nearest name to itself, and to itself with one more letter',
  async () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat({ max: 12 }), (name, at) => {
        const word = `${name.slice(0, at)}_${name.slice(at)}`
        return nearestName(name, names) === name && nearestName(word, names) === name
      }),
    )
  },
)

t.test('a misspelt variable is reported, with the setting that was meant', async (t) => {
  const suggestion = (name: string) => misspeltSettings({ [name]: '1' })[0]?.remedy
  t.equal(suggestion('REJECTVIRIUS'), 'did you mean REJECTVIRUS?')
  t.equal(suggestion('QHSPI'), 'did you mean QHPSI?')
  t.equal(suggestion('rejectvirus'), 'did you mean REJECTVIRUS?')
  t.equal(suggestion('SCANFAILCLAMD'), 'did you mean SCANFAIL_CLAMD?')
  t.equal(suggestion('CLAM'), 'did you mean CLAMD?')
  t.equal(suggestion('QUEUE_PLUGIN_SYMBOL'), 'did you mean QUEUE_PLUGIN_SYMB?')
  t.equal(suggestion('QUEUE_PLUGIN_FUNCTION'), 'did you mean QUEUE_PLUGIN?')
  t.equal(suggestion('REFUSALTEXT_IN_GERMAN'), 'did you mean REFUSALTEXT?')
  t.equal(suggestion('CLAMD_SOCKET_PATH'), 'did you mean CLAMD?')
  t.match(misspeltSettings({ SPOLDIR: '/x' }), [
    { level: 'warning', what: 'settings', value: 'SPOLDIR is not a setting: no program reads it' },
  ])
})

t.test('variables of other programs are not reported', async (t) => {
  const env = `HOME=/ LANG=C LC_ALL=C LOGNAME=a USER=a SHELL=/bin/sh TERM=xterm PWD=/ OLDPWD=/ SHLVL=1
    DATABYTES=1 TCPREMOTEHOST=a TCPLOCALIP=a RBLSMTPD= SMTPAUTH=1 GREETDELAY=1 TZ=UTC EDITOR=vi
    MAILER=a DISPLAY=:0 HOSTNAME=a INVOCATION_ID=a JOURNAL_STREAM=1:2 NOTIFY_SOCKET=a LINES=24
    PATH_INFO=/ TMPDIR_SIZE=1 CLAMD_PORT=a CLAMD_PORT_3310_TCP=a CLAMD_SERVICE_HOST=a
    COLUMNS=80 MANPATH=/ PS1=a VIRTUALDOMAINS=a MAILTO=a LANGUAGE=en SPF=1 QMAILQUEUE=/x`
  const pairs = env.split(/\s+/).map((word) => word.split('=') as [string, string])
  t.same(misspeltSettings(Object.fromEntries(pairs)), [])
})
