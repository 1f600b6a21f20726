import t from 'tap'
import type { HistoryStep } from '../../../src/observe/live/history.ts'
import { runtimes } from '../daemon/process.ts'
import { serve, until } from './rig.ts'

/** What the page shows about several workers, and about the time before a restart. */

interface Data {
  readonly decided: readonly { readonly fields: Readonly<Record<string, string>> }[]
  readonly steps: readonly HistoryStep[]
}

const accepted = ({ steps }: Data) =>
  steps.reduce((sum, { decisions }) => sum + (decisions.accept ?? 0), 0)

for (const { name, program } of runtimes) {
  t.test(`messages of workers are in order, and the day survives a restart, ${name}`, async (t) => {
    const args = ['--workers', '3', '--state', t.testdir({})]
    const before = await serve(t, { program, args })
    const ids = Array.from({ length: 40 }, (_, n) => `<${n}@x>`)
    for (const id of ids) await before.send({ id })
    const data = async () => JSON.parse((await before.get('/data.json')).text) as Data
    const { decided } = await until(data, (data) => accepted(data) === 40)
    t.same(
      decided.map(({ fields }) => fields.msgid),
      ids,
    )
    before.child.kill('SIGTERM')
    t.equal(await before.ended, 0)
    const after = await serve(t, { program, args })
    await after.send({ id: '<new@x>' })
    const again = async () => JSON.parse((await after.get('/data.json')).text) as Data
    const shown = await until(again, ({ decided }) => decided.length === 1)
    t.equal(accepted(shown), 41)
  })
}
