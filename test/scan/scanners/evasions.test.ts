import t from 'tap'
import { judgeEvasions, startClamdForEvasions } from '../../bench/readers/evasions.ts'
import { clamdMissing } from '../../programs/clamd.ts'
import { isWhole } from '../../run/is-whole.ts'

/** Each in one of its two ends of lines, and with `npm run test:all` in both. */
const endingsOf = (number: number) => (number % 2 === 0 ? (['LF'] as const) : (['CRLF'] as const))

t.test('no mail of an enemy is called clean', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamdForEvasions(t)
  let count = 0
  const judged = judgeEvasions(clamd, {}, undefined, isWhole ? undefined : endingsOf)
  for await (const { evasion, ending, result } of judged) {
    count++
    if (result.answer === 'clean') t.fail(`${evasion.name} (${ending})`)
  }
  t.ok(count > (isWhole ? 1000 : 500), `${count} mails`)
})
