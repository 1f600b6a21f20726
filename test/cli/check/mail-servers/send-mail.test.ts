import t from 'tap'
import { checkMailPorts } from '../../../../src/cli/check/mail-servers/send-mail.ts'
import { startOnescand } from '../../../doors/daemon/process.ts'
import { startNext } from '../../../doors/smtp/next-server.ts'
import { freePort } from '../../../programs/free-port.ts'
import { headerValues } from '../../../programs/header-values.ts'
import { postfixMissing, startPostfix } from '../../../programs/postfix.ts'
import { startReceiver } from '../../../programs/smtp-receiver.ts'

/** `onescan check --mail ADDRESS` sends two mails by SMTP, and tells what the server answers. */

const TO = 'ann@example.org'

t.test(
  'of a Postfix the port with the milter refuses EICAR, and one without it is an error',
  { skip: postfixMissing },
  async (t) => {
    const receiver = await startReceiver()
    t.teardown(receiver.stop)
    const [milter, submission] = [`inet:127.0.0.1:${await freePort()}`, await freePort()]
    const daemon = startOnescand(t, {
      args: ['--milter', milter],
      settings: { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' },
    })
    await daemon.logged(/serving/)
    const around = `127.0.0.1:${submission} inet n - n - - smtpd\n  -o smtpd_milters=`
    const postfix = await startPostfix(receiver.port, { smtpd_milters: milter }, undefined, {
      smtpd: (port) => `127.0.0.1:${port} inet n - n - - smtpd\n${around}`,
    })
    t.teardown(postfix.stop)
    const { port } = postfix
    t.match(await checkMailPorts(TO, 'reject', [port, submission]), [
      {
        level: 'ok',
        what: `port ${port}, clean mail`,
        value: `is taken; ${TO} gets it with "X-QHPSI`,
      },
      { level: 'ok', what: `port ${port}, EICAR`, value: /^is refused: 550 5\.7\.1 .*EICAR/i },
      { level: 'ok', what: `port ${submission}, clean mail` },
      {
        level: 'error',
        what: `port ${submission}, EICAR`,
        value: /^is taken: 250 .*REJECTVIRUS=1 refuses/,
      },
    ])
    const came = [await receiver.next(), await receiver.next(), await receiver.next()]
    const tags = came.map(({ message }) => headerValues(message, 'X-QHPSI').join())
    t.same(tags.sort(), ['', '', 'clean'], 'one by the milter, two around it')
    for (const { sender, recipients, message } of came) {
      t.same([sender, recipients], ['', [TO]])
      t.match(headerValues(message, 'Subject').join(), /^onescan check [0-9a-f]{8}$/)
    }
  },
)

t.test('a server that leads mail around onescan is an error, by what settings say', async (t) => {
  const next = await startNext(t)
  const found = async (action: Parameters<typeof checkMailPorts>[1]) =>
    (await checkMailPorts(TO, action, [next.port])).at(-1)
  t.match(await found('reject'), {
    level: 'error',
    value: /^is taken: 250 .*REJECTVIRUS=1 refuses/,
  })
  t.match(await found('tag'), { level: 'ok', value: /with "X-QHPSI: virus found"/ })
  t.match(await found('drop'), { level: 'ok', value: /it does not come/ })
  t.match(await found(undefined), {
    level: 'warning',
    remedy: /^see that ann@example\.org does not/,
  })
})

t.test('a server that takes no such mail gets none, and nothing is sent at all', async (t) => {
  const next = await startNext(t, {
    script: (verb) => (verb === 'RCPT' ? '550 5.1.1 no such user' : undefined),
  })
  const gone = await freePort()
  t.match(await checkMailPorts(TO, 'reject', [next.port, gone]), [
    { level: 'warning', value: /takes no mail for .*: 550 5\.1\.1 no such user/ },
    { level: 'ok', what: `port ${gone}`, value: /^nobody takes mail there: / },
  ])
  t.match(await checkMailPorts(TO, 'reject', [gone]), [
    { level: 'error', remedy: 'start the mail server' },
  ])
  t.same(next.got, [])
  for (const wrong of ['ann', 'ann@x>\r\nQUIT', '', 'a b@example.org']) {
    t.match(await checkMailPorts(wrong, 'reject', [next.port]), [
      { level: 'error', what: '--mail' },
    ])
  }
})
