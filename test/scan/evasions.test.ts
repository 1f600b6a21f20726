import t from 'tap'
import { judgeEvasions, startClamdForEvasions } from '../bench/readers/evasions.ts'
import { clamdMissing } from '../programs/clamd.ts'

/**
 * Text of the mail itself, which stands there as it is, is left to the scan of the whole: of that
 * a digest of the text alone knows nothing.
 */
const LEFT_TO_THE_WHOLE = 'a text known by its digest in a part without fields'

t.test('no mail of an enemy is called clean', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamdForEvasions()
  t.teardown(() => clamd.stop())
  let count = 0
  for await (const { evasion, ending, result } of judgeEvasions(clamd)) {
    if (evasion.name === LEFT_TO_THE_WHOLE) continue
    count++
    if (result.answer === 'clean') t.fail(`${evasion.name} (${ending})`)
  }
  t.ok(count > 1000, `${count} mails`)
})
