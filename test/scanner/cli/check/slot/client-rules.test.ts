import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { howToSet, makeRules } from '../../../../../src/scanner/cli/check/slot/client-rules.ts'

/** The remedies that change the rules of tcpserver. */

t.test('one remedy has all settings that clients lack', async (t) => {
  const rules = join(t.testdir({}), 'tcp.smtp.cdb')
  const source = rules.replace('.cdb', '')
  t.equal(
    howToSet({ env: {}, rules: '/etc/tcp.smtp.cdb' }),
    'sh /usr/share/onescan/examples/qmail/qmail-rules',
  )
  t.equal(
    howToSet({ env: { QMAILQUEUE: '/etc/onescan/queue' }, rules }),
    `add ,QHPSI="plugin: clamd",REJECTVIRUS="1" to each rule of ${source} that allows clients, then run tcprules`,
  )
  t.match(howToSet({ env: { QHPSI: 'x', REJECTVIRUS: '1' } }), /^set QMAILQUEUE="[^,]*" in the env/)
  t.equal(makeRules(rules), undefined)
  writeFileSync(source, '')
  t.equal(makeRules(rules), `(umask 022 && tcprules ${rules} ${source}.tmp <${source})`)
})
