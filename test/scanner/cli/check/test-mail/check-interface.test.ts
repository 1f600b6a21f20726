import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../../../../programs/host/free-port.ts'
import { listen } from '../../../../programs/host/listen.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { startReceiver } from '../../../../programs/servers/smtp-receiver.ts'
import { startOnescand } from '../../../daemon/process.ts'
import { onescan } from '../../onescan.ts'

/** An onescand with a milter and a port before a server that takes all mail. */
async function serve(t: Test, settings: Readonly<Record<string, string>>) {
  const [receiver, port] = [await startReceiver(t), await freePort()]
  const milter = join(openDirectory(t), 'milter.sock')
  const smtp = ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${receiver.port}`]
  const args = ['--milter', `unix:${milter}`, '--mode', '0666', ...smtp]
  const onescand = await startOnescand(t, { args, settings })
  return { onescand, receiver, interfaces: [`milter:${milter}`, `smtp:${port}`] }
}

const check = (address: string) => onescan(['check', '--interface', address])

t.test('an interface takes a clean message', async (t) => {
  const { onescand, receiver, interfaces } = await serve(t, { QHPSI: 'plugin: eicar' })
  for (const address of interfaces) {
    const accepted = new RegExp(`^ok +${address}: accepts a clean message$`, 'm')
    t.match(await check(address), { code: 0, out: accepted })
    const door = address.split(':')[0]!
    await onescand.logged(new RegExp(`^(?=.*interface=${door}\\b).*decision=accept scan=clean`))
  }
  t.match((await receiver.next()).message.toString(), /^X-QHPSI: clean$/m)
  t.equal(receiver.count(), 1, 'by SMTP the next server gets it')
})

t.test('an interface that would defer mail is an error', async (t) => {
  const { interfaces } = await serve(t, { QHPSI: 'plugin: clamd', CLAMD: '/nonexistent/clamd' })
  for (const address of interfaces) {
    const { code, out } = await check(address)
    t.equal(code, 2)
    t.match(out, `${address}: does not accept mail from this user: 451 4.7.1 message could not be`)
    t.match(out, 'fix: run onescan check --daemon')
  }
})

t.test('an address with no answer, or with another program, is reported, too', async (t) => {
  t.match(await check('milter:/nonexistent/s'), {
    code: 2,
    out: /: \S+: no such file or directory/,
  })
  t.match(await check(`smtp:${await freePort()}`), { code: 2, out: /connection refused/ })
  const path = join(openDirectory(t), 's')
  await listen(
    t,
    createServer((socket) => void socket.end()),
    path,
  )
  chmodSync(path, 0o666)
  t.match(await check(`milter:${path}`), {
    code: 2,
    out: /from this user: it closes the connection\n/,
  })
  for (const wrong of ['milter:s', 'smtp:mail.example.org:25', '/run/s']) {
    const { code, err } = await check(wrong)
    t.equal(code, 2)
    t.match(err, `--interface ${wrong}: must be milter:PATH or smtp:PORT`)
  }
})
