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

function scansOf({ asked }: Awaited<ReturnType<typeof standIn>>): number {
  return asked.filter(({ command }) => command === 'zINSTREAM').length
}

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
