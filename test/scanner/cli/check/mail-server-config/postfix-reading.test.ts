import t from 'tap'
import { continuedLines } from '../../../../../src/scanner/cli/check/mail-server-config/postfix-reading.ts'

t.test('a line of main.cf that begins with a blank is a part of the one before', async (t) => {
  const text = [
    ' mydestination = example.org',
    'message_size_limit = 25000000',
    '# the milter',
    '',
    '\tsmtpd_milters = unix:onescan/milter.sock',
    'smtpd_client_restrictions =',
    '  check_policy_service { inet:127.0.0.1:10023, timeout = 5s }',
    '  timeout = 5s',
    'myhostname = mail.example.org',
  ].join('\n')
  const names = [
    'mydestination',
    'message_size_limit',
    'smtpd_milters',
    'smtpd_client_restrictions',
  ]
  t.same(continuedLines(text, names), [
    { line: 5, name: 'smtpd_milters', to: 'message_size_limit' },
  ])
})
