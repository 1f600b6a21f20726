import t from 'tap'
import { misspeltSettings } from '../../../src/base/settings/misspelt.ts'

t.test('a misspelt variable is reported, with the setting that was meant', async (t) => {
  const suggestion = (name: string) => misspeltSettings({ [name]: '1' })[0]?.remedy
  t.equal(suggestion('REJECTVIRIUS'), 'did you mean REJECTVIRUS?')
  t.equal(suggestion('QHSPI'), 'did you mean QHPSI?')
  t.equal(suggestion('rejectvirus'), 'did you mean REJECTVIRUS?')
  t.equal(suggestion('SCANFAILCLAMD'), 'did you mean SCANFAIL_CLAMD?')
  t.equal(suggestion('CLAM'), 'did you mean CLAMD?')
  t.equal(suggestion('QUOTASOKET'), 'did you mean QUOTASOCKET?')
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
    PATH_INFO=/ TMPDIR_SIZE=1 CLAMD_PORT=a CLAMD_PORT_3310_TCP=a CLAMD_SERVICE_HOST=a CLAMD_IMAGE=a
    COLUMNS=80 MANPATH=/ PS1=a VIRTUALDOMAINS=a MAILTO=a LANGUAGE=en SPF=1 QMAILQUEUE=/x`
  const pairs = env.split(/\s+/).map((word) => word.split('=') as [string, string])
  t.same(misspeltSettings(Object.fromEntries(pairs)), [])
})
