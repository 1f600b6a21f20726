import t, { type Test } from 'tap'
import { smtpTimeouts } from '../../../src/scanner/doors/smtp/client/smtp-connection.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../cases/case.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'
import { until } from '../../run/until.ts'
import { startNext } from '../../scanner/doors/smtp/next-server.ts'
import { openDoor } from '../../scanner/doors/smtp/rig.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../servers/clamd.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * A real Postfix gives up while clamd stands still: nothing is done for it any more, so each message is
 * there once when Postfix has sent it again.
 */

const clean = bytes('Subject: x\nTo: ben@example.org\n\nhello\n')
const virus = bytes(`Subject: x\nTo: ben@example.org\n\n${EICAR}\n`)
const skip = postfixMissing || clamdMissing

/** A door before a clamd that is stopped, and the server behind it. */
async function standingStill(t: Test, isLmtp: boolean) {
  const stage = buildStage(t)
  const clamd = await startClamd(t)
  const next = await startNext(t, { lmtp: isLmtp })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, QUARANTINE: stage.quarantine }
  const timeouts = { ...smtpTimeouts, end: 200 }
  const door = await openDoor(t, next.port, { settings, timeouts, isLmtp, isQueued: isLmtp })
  const over = async (calls: number) => {
    await until(
      () => next.calls >= calls && next.open === 0 && door.state().clients === 0,
      `${calls} calls of the next server are over`,
    )
  }
  return {
    door,
    next,
    kept: () => readQuarantine(stage.quarantine),
    stop: () => process.kill(clamd.pid, 'SIGSTOP'),
    goOn: () => process.kill(clamd.pid, 'SIGCONT'),
    /** Resolves when nobody is connected, and this many connections were made to the next server. */
    over,
  }
}

t.test('smtpd_proxy_timeout of Postfix expires while clamd is blocked', { skip }, async (t) => {
  const { door, next, kept, stop, goOn, over } = await standingStill(t, false)
  const postfix = await startPostfix(
    t,
    next.port,
    { notify_classes: '' },
    {
      smtpd: (port) =>
        `127.0.0.1:${port} inet n - n - - smtpd -o smtpd_proxy_filter=127.0.0.1:${door.port} -o smtpd_proxy_timeout=3s`,
    },
  )
  const send = async (message: Buffer) => {
    const mail = { from: 'ann@example.net', to: ['ben@example.org'], message }
    return (await sendMail(postfix.port, mail)).data
  }
  for (const [at, message] of [clean, virus].entries()) {
    stop()
    t.match(await send(message), /^451 /, 'Postfix has given up')
    goOn()
    await over(2 * at + 1)
    t.same([next.got.length, (await kept()).length], at === 0 ? [0, 0] : [1, 0], 'nothing is left')
    t.match(await send(message), /^250 /)
    await over(2 * at + 2)
  }
  t.equal(next.got.length, 1)
  t.match(await kept(), [{ record: { found: EICAR_NAME } }])
})

// By LMTP it has sent QUIT behind the message, and closes later.
t.test('lmtp_data_done_timeout of Postfix expires while clamd is blocked', { skip }, async (t) => {
  const { door, next, kept, stop, goOn, over } = await standingStill(t, true)
  const main = {
    notify_classes: '',
    relayhost: '',
    default_transport: `lmtp:inet:127.0.0.1:${door.port}`,
    lmtp_data_done_timeout: '3s',
    minimal_backoff_time: '1h',
    maximal_backoff_time: '1h',
  }
  const services = 'lmtp unix - - n - - lmtp\n'
  const postfix = await startPostfix(t, next.port, main, { services })
  const times = (result: RegExp) => postfix.log().match(result)?.length ?? 0
  for (const [at, message] of [clean, virus].entries()) {
    stop()
    postfix.submit(message, '-f', 'ann@example.net', 'ben@example.org')
    await until(() => times(/status=deferred/g) > at, 'Postfix defers the mail')
    goOn()
    await over(2 * at + 1)
    t.same([next.got.length, (await kept()).length], at === 0 ? [0, 0] : [1, 0], 'nothing is left')
    postfix.letGo()
    await until(() => times(/status=sent/g) > at, 'Postfix sends the mail')
    await over(2 * at + 2)
  }
  t.equal(next.got.length, 1)
  t.match(await kept(), [{ record: { found: EICAR_NAME } }])
})
