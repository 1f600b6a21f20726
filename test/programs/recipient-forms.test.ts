import { domainToASCII } from 'node:url'
import t, { type Test } from 'tap'
import { bytes } from '../cases/case.ts'
import { readQuarantine } from '../cases/kept.ts'
import { buildStage } from '../cases/stage.ts'
import { isWhole } from '../run/is-whole.ts'
import { until } from '../run/until.ts'
import { startOnescand } from '../scanner/daemon/process.ts'
import { headerValues } from './header-values.ts'
import { freePort } from './host/free-port.ts'
import { POSTMASTERS, recipientForms, TRAP, VICTIM } from './recipient-forms.ts'
import { postfixMissing, startPostfix } from './servers/postfix.ts'
import { inputMailFilter, sendmailMissing, startSendmail } from './servers/sendmail.ts'
import { type ReceivedMail, type Receiver, startReceiver } from './servers/smtp-receiver.ts'
import { openSmtp } from './servers/smtp-session.ts'

/**
 * Where Postfix and Sendmail deliver what is written in many forms, and by which line of
 * onescan.policy(5) it was judged: the line must be about the mailbox that got the mail. And whether
 * a milter finds what the server will rewrite once it has asked.
 */

const written = recipientForms()
t.ok(written.length > (isWhole ? 200 : 70), `${written.length} forms`)

interface Mta {
  readonly port: number
  /** How much mail it has not delivered. */
  queued(): number
}

const ofPostfix = (receiver: Receiver): Record<string, string> => ({
  mydestination: TRAP, // for the percent hack and quoted addresses within it
  local_transport: `smtp:[127.0.0.1]:${receiver.port}`,
  smtpd_hard_error_limit: '1000',
  smtpd_error_sleep_time: '0',
})

const postfix = (t: Test, receiver: Receiver, setup: Record<string, string> = {}): Promise<Mta> =>
  startPostfix(t, receiver.port, { ...ofPostfix(receiver), ...setup })

/** Mail to an alias of several recipients it delivers after its reply. */
const sendmail = (t: Test, receiver: Receiver, filter = ''): Promise<Mta> =>
  startSendmail(t, receiver.port, `define(\`confDELIVERY_MODE', \`interactive')dnl\n${filter}`)

interface Passage {
  readonly port: number
  readonly mta: Mta
  readonly words: readonly string[]
}

type OpenPassage = (t: Test, receiver: Receiver) => Promise<Passage>

const byMilter =
  (start: (t: Test, receiver: Receiver, milter: string) => Promise<Mta>): OpenPassage =>
  async (t, receiver) => {
    const milter = `inet:127.0.0.1:${await freePort()}`
    const mta = await start(t, receiver, milter)
    return { port: mta.port, mta, words: ['--milter', milter] }
  }

const byProxy =
  (start: (t: Test, receiver: Receiver) => Promise<Mta>): OpenPassage =>
  async (t, receiver) => {
    const port = await freePort()
    const mta = await start(t, receiver)
    const words = ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${mta.port}`]
    return { port, mta, words }
  }

/** Recipients that a mail server rewrites once it has asked the milter. */
const rewritten = [
  'team@example.org',
  'one@example.org',
  'same@example.org',
  'old@example.org',
  'ann+news@example.org',
  'user@host.example.org',
  'list@local.example',
].map((address) => `<${address}>`)

const rewritingPostfix: OpenPassage = byMilter((t, receiver, milter) =>
  postfix(t, receiver, {
    smtpd_milters: milter,
    milter_default_action: 'tempfail',
    canonical_maps: 'inline:{ old@example.org=new@example.org }',
    virtual_alias_maps: `inline:{
      { team@example.org = a@inner.example, list@local.example },
      { list@local.example = b@inner.example, c@inner.example },
      { one@example.org = a@inner.example },
      { same@example.org = ok@example.net },
      { ann@example.org = ann@inner.example } }`.replace(/\n */g, ' '),
    recipient_delimiter: '+',
    masquerade_domains: 'example.org',
    masquerade_classes: 'envelope_recipient',
  }),
)

const tables = t.testdir({
  users: `team@example.org list@local.example
one@example.org a@inner.example
same@example.org ok@example.net
old@example.org new@example.org
ann+*@example.org ann@inner.example
`,
  aliases: 'list: b@inner.example, c@inner.example\n',
})

const rewritingSendmail: OpenPassage = byMilter((t, receiver, milter) =>
  sendmail(
    t,
    receiver,
    `define(\`ALIAS_FILE', \`${tables}/aliases')dnl
FEATURE(\`virtusertable', \`text -k0 -v1 ${tables}/users')dnl
VIRTUSER_DOMAIN(\`example.org')dnl
LOCAL_DOMAIN(\`local.example')dnl
MAILER(\`local')dnl
${inputMailFilter('onescan', milter)}`,
  ),
)

const passages: readonly [string, string | false, OpenPassage, readonly string[]][] = [
  [
    'Postfix by milter',
    postfixMissing,
    byMilter((t, receiver, milter) =>
      postfix(t, receiver, { smtpd_milters: milter, milter_default_action: 'tempfail' }),
    ),
    written,
  ],
  [
    'Sendmail by milter',
    sendmailMissing,
    byMilter((t, receiver, milter) => sendmail(t, receiver, inputMailFilter('onescan', milter))),
    written,
  ],
  ['Postfix by proxy', postfixMissing, byProxy(postfix), written],
  ['Sendmail by proxy', sendmailMissing, byProxy(sendmail), written],
  ['Postfix that rewrites, by milter', postfixMissing, rewritingPostfix, rewritten],
  ['Sendmail that rewrites, by milter', sendmailMissing, rewritingSendmail, rewritten],
]

/** The mailbox that a server received (latin1), in one form, with its domain as DNS has it. */
function mailbox(address: string): string {
  const plain = address.toLowerCase().replace(/["\\]/g, '').replace(/\.$/, '')
  const at = plain.lastIndexOf('@')
  const domain = domainToASCII(Buffer.from(address.slice(at + 1), 'latin1').toString('utf8'))
  return /[\x80-\xff]/.test(plain) ? `${plain.slice(0, at)}@${domain}` : plain
}

for (const [name, missing, open, forms] of passages) {
  t.test(name, { skip: missing }, async (t) => {
    /** What is removed from a message is as the server wrote it: one form in three. */
    const some = isWhole || forms === rewritten ? 1 : 3
    const start = async (t: Test, lines: string, settings: Record<string, string> = {}) => {
      const stage = buildStage(t)
      const receiver = await startReceiver(t, ['8BITMIME', 'SMTPUTF8', 'PIPELINING'])
      const { port, mta, words } = await open(t, receiver)
      const CONTROLDIR = stage.rules(lines)
      await startOnescand(t, {
        args: words,
        settings: { QHPSI: stage.scanner, QUARANTINE: stage.quarantine, CONTROLDIR, ...settings },
      })
      /** Sends to the form and to the others, and returns what was delivered, by the form. */
      const sendAll = async (text: string, others: readonly string[] = [], every = 1) => {
        const message = bytes(`Subject: x\nTo: undisclosed:;\n\n${text}\n`)
        const waiting = [...forms.entries()].filter(([number]) => number % every === 0)
        const sendOn = async () => {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
            const [number, form] = next
            const session = await openSmtp(port)
            const isUtf8 = /[\x80-\xff]/.test(form)
            await session.command(`MAIL FROM:<f${number}@example.net>${isUtf8 ? ' SMTPUTF8' : ''}`)
            await session.command(`RCPT TO:${form}`)
            for (const other of others) await session.command(`RCPT TO:<${other}>`)
            if ((await session.command('DATA')).startsWith('354')) {
              await session.command(`${message.toString('latin1').replaceAll('\n', '\r\n')}.`)
            }
            await session.quit()
          }
        }
        await Promise.all(Array.from({ length: 8 }, sendOn))
        await until(() => mta.queued() === 0, 'the queue is empty')
        const delivered: { form: string; mail: ReceivedMail }[] = []
        for (let left = receiver.count(); left > 0; left--) {
          const mail = await receiver.next()
          const form = forms[Number(/^f(\d+)@/.exec(mail.sender)?.[1])]
          if (form !== undefined) delivered.push({ form, mail }) // others are bounces
        }
        return delivered
      }
      return { sendAll, stage }
    }

    t.test('no line about another mailbox counts', async (t) => {
      const refused = [VICTIM, ...POSTMASTERS]
      const refuse = refused.map((address) => `to=${address} refuse\n`).join('')
      const { sendAll } = await start(t, `${refuse}to=${TRAP} scan off\nto=.${TRAP} scan off\n`)
      const delivered = await sendAll('hello')
      t.ok(delivered.length > 0, `${delivered.length} of ${forms.length} forms are delivered`)
      for (const { form, mail } of delivered) {
        const to = mail.recipients.map(mailbox)
        const isRefused = to.some((address) => refused.includes(address))
        t.notOk(isRefused, `${form} is not delivered to ${to}`)
        const isScanned = headerValues(mail.message, 'X-QHPSI').length > 0
        const isOfTrap = to.every((address) => address.endsWith(`@${TRAP}`))
        t.ok(isScanned || isOfTrap, `${form} is scanned on its way to ${to}`)
      }
    })

    if (forms === rewritten) {
      t.test('the server delivers to others', async (t) => {
        const { sendAll } = await start(t, 'to=ok@example.net scan off\n')
        const delivered = await sendAll('hello')
        const others = delivered.filter(({ form, mail }) => {
          return !mail.recipients.includes(form.slice(1, -1))
        })
        t.ok(others.length >= 6, `${others.map(({ form }) => form)}`)
      })
    }

    t.test('mail kept for a recipient reaches no other', async (t) => {
      const { sendAll, stage } = await start(t, 'to=ok@example.net scan off\n')
      const delivered = await sendAll('VIRUS', ['ok@example.net'], some)
      t.ok(delivered.length > 0)
      for (const { form, mail } of delivered) t.same(mail.recipients, ['ok@example.net'], form)
      t.ok((await readQuarantine(stage.quarantine)).length > 0)
    })

    t.test('VIRUSFORWARD alone gets what is forwarded', async (t) => {
      const forward = { VIRUSFORWARD: 'quarantine@example.net', QUARANTINE: '' }
      const { sendAll } = await start(t, 'to=nobody@example.net scan off\n', forward)
      const delivered = await sendAll('VIRUS', [], some)
      t.ok(delivered.length > 0)
      for (const { form, mail } of delivered) {
        t.same(mail.recipients, ['quarantine@example.net'], form)
      }
    })
  })
}
