import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildStage } from '../../cases/stage.ts'
import { until } from '../../run/until.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { example } from '../example.ts'
import { bodyOf, headerNames, headerValues } from '../header-values.ts'
import { openDirectory } from '../host/reachable.ts'
import { socketDirectory } from '../host/socket-directory.ts'
import { sendmailRoot } from '../host/unpack.mjs'
import { demandingMail, filled } from '../milter/demanding-mail.ts'
import { makeMap, sendmailMissing, startSendmail } from '../servers/sendmail.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * The example for Sendmail leaves mail as it is on a host whose sendmail.mc sets whatever refuses, limits, maps,
 * copies, folds or encrypts mail: what comes out with it is what comes out without it.
 */

/** A client of another host, for which the access map makes an exception. */
const CLIENT = '127.0.0.2'
/** Whom it hands mail for ben and cem on to. */
const MAPPED = ['ben.mapped@example.net', 'cem@example.org', 'copy@example.net']
const SIZE_MAX = 60_000

t.test('Sendmail on a demanding host', { skip: sendmailMissing }, async (t) => {
  const place = join(socketDirectory(t), 'milter.sock')
  const milter = example('sendmail/sendmail.mc', { '/run/onescan/milter.sock': place })
  const stage = buildStage(t)
  await startOnescand(t, {
    args: ['--milter', `unix:${place}`],
    settings: { QHPSI: stage.scanner, REJECTVIRUS: '1' },
  })
  const [without, filtered] = [await openDemandingHost(t, ''), await openDemandingHost(t, milter)]

  // Sendmail counts a line's end as one byte.
  const lines = demandingMail.toString('latin1').split('\n').length
  const largest = SIZE_MAX + lines
  for (const [name, message] of [
    ['mail of a client', demandingMail],
    ['the largest mail that Sendmail takes', filled(demandingMail, largest)],
  ] as const) {
    await t.test(name, async (t) => {
      const expected = await without.send(t, message)
      const got = await filtered.send(t, message)
      t.same(got.flatMap(({ recipients }) => recipients).sort(), MAPPED, 'each once')
      for (const [at, mail] of got.entries()) {
        const plain = expected[at]!
        t.notOk(bodyOf(plain.message).equals(bodyOf(message)), 'Sendmail itself converts')
        t.equal(mail.sender, plain.sender)
        t.same(mail.recipients, plain.recipients)
        t.ok(bodyOf(mail.message).equals(bodyOf(plain.message)), 'the body is as without onescan')
        const own = headerNames(mail.message).filter((name) => name !== 'X-QHPSI')
        t.same(own, headerNames(plain.message), 'the header is as without onescan')
        for (const name of own.filter((name) => name !== 'Received')) {
          t.same(headerValues(mail.message, name), headerValues(plain.message, name))
        }
        t.same(headerValues(mail.message, 'X-QHPSI'), ['clean'])
      }
    })
  }

  await t.test('larger mail is refused at once, as without onescan', async (t) => {
    for (const host of [without, filtered]) {
      t.match(await host.answerTo(filled(demandingMail, largest + 1)), /^552 /)
    }
  })
})

/** A host, and what it passes on of a message. */
async function openDemandingHost(t: Test, milter: string) {
  // Without 8BITMIME, so that Sendmail converts.
  const receiver = await startReceiver(t, ['SIZE 0', 'PIPELINING'])
  const directory = openDirectory(t)
  const sendmail = await startSendmail(t, receiver.port, demands(directory), milter)
  const submit = (message: Buffer) => {
    const to = ['ben@example.org', 'cem@example.org']
    return sendMail(sendmail.port, { from: 'ann@example.com', to, message }, CLIENT)
  }
  return {
    async send(t: Test, message: Buffer) {
      const before = receiver.count()
      t.match((await submit(message)).data, /^250 /)
      await until(() => sendmail.queued() === 0, 'Sendmail has handed on all mail')
      const got = []
      for (let left = receiver.count() - before; left > 0; left--) got.push(await receiver.next())
      t.not(got.length, 0)
      return got.map((mail) => ({ ...mail, recipients: [...mail.recipients].sort() }))
    },
    async answerTo(message: Buffer) {
      const { mail, data } = await submit(message)
      return mail.startsWith('250') ? data : mail
    },
  }
}

/** The part of sendmail.mc, which names each option of this Sendmail that a pattern matches. */
function demands(directory: string): string {
  const map = (name: string, ...lines: string[]) => makeMap(join(directory, name), lines)
  const proto = readFileSync(join(sendmailRoot, 'usr/share/sendmail/cf/m4/proto.m4'), 'utf8')
  const known = [...proto.matchAll(/^_OPTION\([^,]+, `(conf\w+)'/gm)].map(([, name]) => name!)
  const options: [RegExp, string][] = [
    // Refuses and limits.
    [/^confMAX_MESSAGE_SIZE$/, String(SIZE_MAX)],
    [/^confMAX_HEADERS_LENGTH$/, '16384'],
    [/^confMAX_MIME_HEADER_LENGTH$/, '256/128'],
    [/^confMAX_RCPTS_PER_MESSAGE$/, '2'],
    [/^confMAX_HOP$/, '2'],
    [/^confPRIVACY_FLAGS$/, 'goaway,needmailhelo,authwarnings'],
    [/^confREJECT_NUL$/, 'true'],
    [/^confBAD_RCPT_THROTTLE$/, '1'],
    // Converts.
    [/^confEIGHT_BIT_HANDLING$/, 'mimify'],
    [/^confNO_RCPT_ACTION$/, 'add-apparently-to'],
    [/^confSINGLE_LINE_FROM_HEADER$/, 'true'],
    [/^confOLD_STYLE_HEADERS$/, 'true'],
    // What milters are given is the host's own choice.
    [/^confMILTER_MACROS_/, 'j'],
    [/^confTO_(CONNECT|MAIL|RCPT|DATAINIT|DATABLOCK|DATAFINAL|COMMAND)$/, '20s'],
  ]
  const lines = options.flatMap(([pattern, value]) => {
    const names = known.filter((name) => pattern.test(name))
    if (names.length === 0) throw new Error(`${pattern}: this Sendmail has no such option`)
    return names.map((name) => `define(\`${name}', \`${value}')dnl`)
  })
  const access = [
    `Connect:${CLIENT}\tRELAY`,
    'Connect:127\tREJECT',
    `GreetPause:${CLIENT}\t0`,
    `ClientRate:${CLIENT}\t0`,
    `ClientConn:${CLIENT}\t0`,
    'TLS_Clt:127.0.0.9\tENCR:256',
  ]
  map('aliases', 'team\tben.mapped@example.net, copy@example.net', '@\t@')
  return `${lines.join('\n')}
FEATURE(\`access_db', \`${map('access', ...access)}')dnl
FEATURE(\`delay_checks')dnl
FEATURE(\`greet_pause', \`5000')dnl
FEATURE(\`conncontrol', \`nodelay')dnl
FEATURE(\`ratecontrol', \`nodelay')dnl
FEATURE(\`block_bad_helo')dnl
FEATURE(\`genericstable', \`${map('generics', 'ann@example.com\tann.generic@example.com')}')dnl
GENERICS_DOMAIN(\`example.com')dnl
FEATURE(\`virtusertable', \`${map('virtuals', 'ben@example.org\tteam')}')dnl
VIRTUSER_DOMAIN(\`example.org')dnl
FEATURE(\`mailertable', \`${map('mailers', 'example.net\trelay:[127.0.0.1]')}')dnl
define(\`ALIAS_FILE', \`hash:${join(directory, 'aliases')}')dnl
MASQUERADE_AS(\`masked.example.org')dnl
FEATURE(\`masquerade_envelope')dnl
FEATURE(\`always_add_domain')dnl
define(\`RELAY_MAILER_MAXMSGS', \`1')dnl
define(\`RELAY_MAILER_MAX', \`${SIZE_MAX * 2}')dnl
`
}
