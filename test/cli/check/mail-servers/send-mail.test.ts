import t from 'tap'
import { checkMailPorts } from '../../../../src/cli/check/mail-servers/send-mail.ts'
import { startOnescand } from '../../../doors/daemon/process.ts'
import { startNext } from '../../../doors/smtp/next-server.ts'
import { freePort } from '../../../programs/free-port.ts'

/** `onescan check --mail ADDRESS` sends two mails by SMTP, and tells what the server answers. */

const TO = 'ann@example.org'

t.test('an onescand that refuses viruses takes the clean mail alone', async (t) => {
  const next = await startNext(t)
  const port = await freePort()
  const place = (at: number) => `inet:127.0.0.1:${at}`
  const daemon = startOnescand(t, {
    args: ['--smtp', place(port), '--next', place(next.port)],
    settings: { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' },
  })
  await daemon.logged(/serving/)
  t.match(await checkMailPorts(TO, 'reject', [port]), [
    {
      level: 'ok',
      what: `port ${port}, clean mail`,
      value: `is taken; ${TO} gets it with "X-QHPSI`,
    },
    { level: 'ok', what: `port ${port}, EICAR`, value: /^is refused: 550 5\.7\.1 .*EICAR/ },
  ])
  await next.has(1)
  const [got] = next.got
  t.match(got, { sender: '', recipients: [TO] })
  t.match(got?.content.toString('latin1'), /^X-QHPSI: clean\r$/m)
  t.match(got?.content.toString('latin1'), /^Subject: onescan check [0-9a-f]{8}\r$/m)
})

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
