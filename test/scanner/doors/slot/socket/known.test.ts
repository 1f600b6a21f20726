import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DATABASE, numbered, standIn } from '../../../scan/scanners/clamd/stand-in.ts'
import { openMilter } from '../../milter/rig.ts'

/** How warm doors cache verdicts about copies. */

const letter = (n: number, body = 'Hello') =>
  Buffer.from(
    `Received: from host${n} by mx; today\nDate: ${n}\nTo: <${n}@example.org>\n` +
      `Message-ID: <${n}@example.com>\nFrom: news@example.com\nSubject: news\n\n${body}\n`,
  )

const settings = (socket: string) => ({
  QHPSI: 'plugin: clamd',
  CLAMD: socket,
  CLAMDBDIR: DATABASE,
  REJECTVIRUS: '1',
})

const version = () => 'ClamAV 1.4.3'

/** Before many come at once: the version is known then, and is waited for no longer by each. */
const another = Buffer.from('Subject: another message\n\n')

function scansOf({ asked }: Awaited<ReturnType<typeof standIn>>): number {
  return asked.filter(({ command }) => command === 'zINSTREAM').length
}

t.test('a thousand copies in a hundred sessions of a milter are one scan', async (t) => {
  const clamd = await standIn(t, numbered('stream: Eicar-Test FOUND'), { version })
  const milter = await openMilter(t, settings(clamd.socket), { maxClients: 100 })
  await milter.submit({ message: another })
  let n = 0
  const sessions = Array.from({ length: 100 }, async () => {
    for (let i = 0; i < 10; i++) {
      const { reply } = await milter.submit({ message: letter(n++) })
      t.equal(reply, '550 5.7.1 message refused: virus Eicar-Test')
    }
  })
  await Promise.all(sessions)
  t.equal(scansOf(clamd), 1 + 2, 'one of what the copies share')
  t.equal(milter.mailLog.length, 1 + 1000)
  const known = milter.mailLog.filter((line) => line.includes(' scan=cached '))
  t.equal(known.length, 999)
  t.match(known[0], / scanner=clamd virus=Eicar-Test grounds=virus by=\S+ age=\d+ /)
})

t.test('a copy is not judged by the verdict of another clamd than its own', async (t) => {
  const lenient = await standIn(t, numbered('stream: OK'), { version })
  const strict = await standIn(t, numbered('stream: Eicar-Test FOUND'), { version })
  const CONTROLDIR = t.testdir({ 'onescan.policy': `to=s@example.org CLAMD=${strict.socket}\n` })
  const milter = await openMilter(t, { ...settings(lenient.socket), CONTROLDIR })
  for (const [to, outcome, scans] of [
    ['a', 'delivered', [1, 0]],
    ['b', 'delivered', [1, 0]],
    ['s', 'refused', [1, 2]], // twice: also what the copies share
    ['s', 'refused', [1, 2]],
    ['a', 'delivered', [1, 2]],
  ] as const) {
    const mail = { message: letter(1), recipients: [`${to}@example.org`] }
    t.equal((await milter.submit(mail)).outcome, outcome)
    t.same([scansOf(lenient), scansOf(strict)], scans)
  }
})

t.test('each copy is scanned if so set, or without a version of clamd', async (t) => {
  for (const [more, has] of [
    [{ VERDICTS: 'off' }, { version }],
    [{ VERDICTMAXAGE: '0' }, { version }],
    [{}, {}],
  ] as const) {
    const clamd = await standIn(t, numbered('stream: OK'), has)
    const milter = await openMilter(t, { ...settings(clamd.socket), ...more })
    for (let n = 0; n < 3; n++) {
      t.equal((await milter.submit({ message: letter(n) })).outcome, 'delivered')
    }
    t.equal(scansOf(clamd), 3)
  }
})

t.test('a command that knows a virus from now on finds it in the next copy', async (t) => {
  const directory = t.testdir({ db: { 'x.ndb': '' } })
  const program = join(directory, 'scanner')
  const answers = (code: number) =>
    writeFileSync(program, `#!/bin/sh\nexit ${code}\n`, { mode: 0o755 })
  answers(0)
  const env = { QHPSI: `${program} %s`, CLAMDBDIR: join(directory, 'db'), REJECTVIRUS: '1' }
  const milter = await openMilter(t, env)
  t.equal((await milter.submit({ message: letter(1) })).outcome, 'delivered')
  answers(1)
  t.equal((await milter.submit({ message: letter(2) })).outcome, 'refused')
})
