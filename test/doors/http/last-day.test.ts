import t from 'tap'
import type { HistoryStep } from '../../../src/observe/live/history.ts'
import { runtimes } from '../daemon/process.ts'
import { serve, until } from './rig.ts'

/** What the page shows about several workers. */

interface Data {
  readonly decided: readonly { readonly fields: Readonly<Record<string, string>> }[]
  readonly steps: readonly HistoryStep[]
}

const accepted = ({ steps }: Data) =>
  steps.reduce((sum, { decisions }) => sum + (decisions.accept ?? 0), 0)

for (const { name, program } of runtimes) {
  t.test(`messages of several workers are shown in order, ${name}`, async (t) => {
    const args = ['--workers', '3']
    const served = await serve(t, { program, args })
    const ids = Array.from({ length: 40 }, (_, n) => `<${n}@x>`)
    for (const id of ids) await served.send({ id })
    const data = async () => JSON.parse((await served.get('/data.json')).text) as Data
    const { decided } = await until(data, (data) => accepted(data) === 40)
    t.same(
      decided.map(({ fields }) => fields.msgid),
      ids,
    )
  })
}
