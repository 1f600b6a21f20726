import t from 'tap'
import { checkTestMessages } from '../../../../src/scanner/cli/check/slot/test-messages.ts'
import { beside, missing, standalonePrograms } from '../../../c/onescanc/client.ts'
import { complaints } from '../../../check-lines.ts'
import { lacks } from '../../../needs.mjs'
import { freePort } from '../../../programs/host/free-port.ts'
import { until } from '../../../run/until.ts'
import { host } from '../../cli/check/host.ts'
import { onescan } from '../../cli/onescan.ts'
import { submitTo } from '../../doors/milter/submit.ts'
import { metric, serve } from './rig.ts'

/** Test messages of `onescan check` are logged as such, and count nowhere; nobody else can send any. */

const skip = lacks('the client') || missing

t.test(
  'test messages of onescan check are marked in the log, and counted nowhere',
  { skip },
  async (t) => {
    const port = await freePort()
    const served = await serve(t, {
      args: ['--milter', `inet:127.0.0.1:${port}`],
      settings: { QMAILHOME: '/nonexistent' },
    })
    const env = { QHPSI: 'plugin: eicar', ONESCAN_SOCKET: served.socket }
    const onescanc = beside(standalonePrograms(t).make('fails', 'exit 1'))
    const throughSlot = await checkTestMessages(host(env, { program: onescanc }))
    const withoutStandalone = ['warning qmail, without onescand']
    t.same(complaints(throughSlot), withoutStandalone, 'warm: the standalone program fails', {
      throughSlot,
    })
    const unanswered = { ...env, QHPSI: 'plugin: clamd' } // which onescand does not have
    t.not(complaints(await checkTestMessages(host(unanswered, { program: onescanc }))).length, 0)

    // Mail whose every word states that it is a test message.
    const words = 'onescan_test selftest=1 x'
    const text = `Subject: ${words}\nTest: 1\ntest: 1\nMessage-ID: <a selftest=1 b@x>\n\n${words}\n`
    const sender = 'check" selftest=1 onescan_test@localhost'
    await submitTo(port, { message: Buffer.from(text), sender })
    const look = async () => (await served.get('/metrics')).text
    const count = (text: string, decision: string) =>
      metric(text, 'onescan_messages_total', { interface: 'milter', decision })
    const metrics = await until(look, 'the mail is counted', (text) => count(text, 'accept') > 0)
    t.equal(count(metrics, 'accept'), 1, 'the mail alone')
    t.equal(metric(metrics, 'onescan_messages_total', { interface: 'qmail' }), 0)
    t.equal(metric(metrics, 'onescan_verdicts_total', { scan: 'infected' }), 0)
    for (const how of ['asked', 'left'])
      t.equal(metric(metrics, 'onescan_standalone_total', { how }), 0, how)
    const { decided } = JSON.parse((await served.get('/data.json')).text)
    t.equal(decided.length, 1)

    const lines = served.log.filter((line) => line.includes('decision='))
    t.match(lines, [/from="<check/], 'of the slot the client keeps the log')
    const { out } = await onescan(['report', '--json', '-'], { input: `${lines.join('\n')}\n` })
    t.equal(JSON.parse(out).results[0].messages, 1)
  },
)
