import t, { type Test } from 'tap'
import { Header } from '../../../src/mail/message/header-block.ts'
import { readConfiguration } from '../../../src/scanner/configuration/configuration.ts'
import { buildStage } from '../../cases/stage.ts'

/** What onescand judges by, and how it describes it. */

async function configured(t: Test, settings: Readonly<Record<string, string>>) {
  const log: string[] = []
  const env = { PATH: process.env.PATH ?? '', CONTROLDIR: '/nonexistent', ...settings }
  const configuration = await readConfiguration(env, (line) => log.push(line))
  t.teardown(configuration.close)
  return { configuration, log }
}

t.test('a wrong value is a fault that names it, and its line in onescan.policy', async (t) => {
  const stage = buildStage(t)
  const rules = stage.rules('to=a.example REJECTVIRUS=1\nto=b.example BADATTACHMENTS=/none\n')
  const QHPSI = 'plugin: eicar attachments'
  const BADATTACHMENTS = stage.file('badattachments', 'name *.exe\n')
  for (const [settings, message] of [
    [
      { QHPSI, BADATTACHMENTS, CONTROLDIR: rules },
      /onescan\.policy line 2: BADATTACHMENTS \/none:/,
    ],
    [{ QHPSI }, /^BADATTACHMENTS/],
    [{ QHPSI: 'plugin: eicar', QUARANTINEDAYS: 'x' }, /^QUARANTINEDAYS/],
    [{ QUOTAD: 'nowhere' }, /^QUOTAD/],
  ] as const) {
    await t.rejects(configured(t, settings), { kind: 'config', message })
  }
})

t.test('all scanners that cannot scan are reported immediately', async (t) => {
  const named = configured(t, { QHPSI: 'plugin: nothing eicar nowhere' })
  await t.rejects(named, { message: /^QHPSI: plugin nothing: .*; QHPSI: plugin nowhere: / })
})

t.test('questions about mailboxes are counted in the log, if there are any', async (t) => {
  for (const [settings, lines] of [
    [{ QUOTAD: 'quotad:127.0.0.1:9' }, [/^quota questions=0 /]],
    [{}, []],
  ] as const) {
    const { configuration, log } = await configured(t, settings)
    configuration.report()
    t.match(log, lines)
    t.equal(log.length, lines.length)
    t.equal(configuration.context, undefined, 'without QHPSI nothing is judged')
  }
})

t.test('a message is hashed for its copies only if verdicts are cached', async (t) => {
  const header = new Header(Buffer.from('Subject: x\n\n'))
  for (const [VERDICTS, wanted] of [
    ['memory', true],
    ['off', undefined],
  ] as const) {
    const { configuration } = await configured(t, { QHPSI: 'plugin: eicar', VERDICTS })
    t.equal(configuration.messageOptions.digestsFor?.(header).wantsSha256 || undefined, wanted)
  }
})
