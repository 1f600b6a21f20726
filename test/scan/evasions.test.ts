import t from 'tap'
import { judgeEvasions, startClamdForEvasions } from '../bench/readers/evasions.ts'
import { clamdMissing } from '../programs/clamd.ts'

t.test('no mail of an enemy is called clean', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamdForEvasions()
  t.teardown(() => clamd.stop())
  let count = 0
  for await (const { evasion, ending, result } of judgeEvasions(clamd)) {
    count++
    if (result.answer === 'clean') t.fail(`${evasion.name} (${ending})`)
  }
  t.ok(count > 1000, `${count} mails`)
})
