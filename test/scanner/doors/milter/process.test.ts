import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bytes } from '../../../cases/case.ts'
import { plain } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import { until } from '../../../run/until.ts'
import { runOnescand, runtimes, startOnescand } from '../../daemon/process.ts'
import { standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { eicar, scanning } from './eicar.ts'
import { call, negotiate, packets } from './mta.ts'
import { type Delivery, type Submission, submit } from './submit.ts'

/** The milter door of the built onescand. */

async function meet(place: string | number) {
  const line = await call(place)
  const agreed = await negotiate(line)
  line.write(packets.connect())
  return {
    line,
    submit: (mail: Submission): Promise<Delivery> => submit(line, agreed, mail),
    async leave() {
      line.write(packets.quit)
      await line.close()
    },
  }
}

async function outcomeAt(place: string | number, message = plain): Promise<string> {
  const mta = await meet(place)
  const { outcome } = await mta.submit({ message })
  await mta.leave()
  return outcome
}

const compiled = join(import.meta.dirname, '../../../../build/native/onescand')
const all = existsSync(compiled)
  ? [...runtimes, { name: 'compiled', program: [compiled] }]
  : runtimes

for (const { name, program } of all) {
  t.test(`several processes of onescand serve all its sockets, ${name}`, async (t) => {
    const stage = buildStage(t)
    const unix = join(stage.directory, 'm')
    const port = await freePort()
    const onescand = await startOnescand(t, {
      program,
      args: [
        ...['--workers', '3', '--mode', '0622'],
        ...['--milter', `unix:${unix}`, '--milter', `inet:127.0.0.1:${port}`],
      ],
      settings: scanning,
    })
    t.equal(statSync(unix).mode & 0o777, 0o622, 'the mode is for all sockets with a path')
    const asked = [unix, port].flatMap((place) =>
      Array.from({ length: 10 }, async () => [
        await outcomeAt(place),
        await outcomeAt(place, eicar),
      ]),
    )
    for (const outcomes of await Promise.all(asked)) t.same(outcomes, ['delivered', 'refused'])
    const question = { variables: scanning, message: plain }
    t.equal((await onescand.ask(question)).does, 'hand on', 'and the slot is served, too')
    onescand.child.kill('SIGTERM')
    t.equal(await onescand.ended, 0)
    t.notOk(existsSync(unix), 'the socket has gone')
    const lines = onescand.log.filter((line) => / interface=milter /.test(line))
    t.equal(lines.length, 40)
  })
}

/** Starts an onescand that serves one milter. */
async function serveMilter(t: Test, settings: Readonly<Record<string, string>>) {
  const unix = join(buildStage(t).directory, 'm')
  const args = ['--workers', '2', '--socket', 'none', '--milter', `unix:${unix}`]
  return { onescand: await startOnescand(t, { args, settings }), unix }
}

t.test('onescand may serve milters alone, and logs their mail to LOGFILE', async (t) => {
  const LOGFILE = join(buildStage(t).directory, 'log')
  const { onescand, unix } = await serveMilter(t, { ...scanning, LOGFILE, ERROR_FD: '2' })
  t.notOk(existsSync(onescand.socket))
  t.equal(await outcomeAt(unix), 'delivered')
  // It is logged behind the answer.
  const logged = () => (existsSync(LOGFILE) ? readFileSync(LOGFILE, 'latin1') : '')
  await until(() => logged() !== '', 'the line about it')
  t.match(logged(), /^onescan: decision=accept .* interface=milter [^\n]*\n$/)
})

t.test('onescand does not start with nothing to listen on, or with half an address', async (t) => {
  const idle = runOnescand(t, { args: ['--socket', 'none'], settings: scanning })
  t.equal(await idle.ended, 111)
  t.match(idle.log.join('\n'), /nothing is left to listen on; add --milter/)
  const wrong = runOnescand(t, { args: ['--milter', 'inet:8890'] })
  t.equal(await wrong.ended, 100)
  t.match(
    wrong.log.join('\n'),
    /--milter inet:8890: must have an IPv4 address and a port.*onescand --help/s,
  )
})

t.test('after SIGHUP connected MTAs go on, with the new settings', async (t) => {
  const rules = buildStage(t).file('badattachments', 'name *.exe\n')
  const settings = { QHPSI: 'plugin: attachments', BADATTACHMENTS: rules, REJECTVIRUS: '1' }
  const { onescand, unix } = await serveMilter(t, settings)
  const mta = await meet(unix)
  const message = bytes('Subject: x\nContent-Type: text/plain; name=a.exe\n\nbody\n')
  t.equal((await mta.submit({ message })).outcome, 'refused')
  writeFileSync(rules, 'name *.com\n')
  onescand.child.kill('SIGHUP')
  await until(
    async () => (await mta.submit({ message })).outcome !== 'refused',
    'the new list counts',
  )
})

// promise: rule-5-crash
t.test('onescand that is killed during a message leaves the MTA without an answer', async (t) => {
  const clamd = await standIn(t, () => {})
  const { onescand, unix } = await serveMilter(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  const mta = await meet(unix)
  const answer = mta.submit({ message: plain })
  const isMail = (message: Buffer) => message.includes(plain.subarray(-20))
  await until(() => clamd.asked.some(({ message }) => isMail(message)), 'clamd is asked')
  onescand.kill()
  await t.rejects(answer, /left without an answer/)
})
