import t from 'tap'
import { budgetOf } from '../../../../src/mail/mime/budget/limits.ts'
import { hostileShapes } from '../../../messages/hostile/hostile-shapes.ts'
import { sampleOf } from '../../../run/is-whole.ts'
import { readMail } from '../read-mail.ts'

/** What it costs to read all contents of a message: bytes given, units of work, and the limit that ended it. */
function costOf(mail: string) {
  const { work, contents, over } = readMail(mail)
  const bytes = contents.reduce((sum, { length }) => sum + length, 0)
  return { bytes, work, total: bytes + work, over }
}

/** Each so manieth shape is read. */
const STRIDE = 5
/** What a message costs of any size: headers, and contents of a few bytes. */
const CONSTANT = 64 * 1024
/** What each byte of a message costs more, in units, if it is carved for its length alone: its lines are cuts, or heads. */
const OF_CARVED_BYTE = 16

t.test('a mail twice as long takes twice the work, or all work that it may take', async (t) => {
  for (const { name, make } of sampleOf(hostileShapes, STRIDE)) {
    const mail = make(32 * 1024)
    const once = costOf(make(16 * 1024))
    const twice = costOf(mail)
    const { bytes, work } = budgetOf(mail.length)
    if (twice.bytes > bytes || twice.work > work)
      t.fail(`${name}: ${twice.bytes} bytes, ${twice.work} units`)
    if (
      twice.over === '' &&
      twice.total > 2.2 * once.total + CONSTANT + OF_CARVED_BYTE * mail.length
    )
      t.fail(`${name}: ${once.total}, then ${twice.total}`)
  }
  t.ok(hostileShapes.length >= 60)
})
