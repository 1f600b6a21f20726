import t from 'tap'
import { hostileShapes } from '../../../scan/scanners/hostile-shapes.ts'
import { readMail } from '../read-mail.ts'

/** Bytes that are looked at, decoded and given while all contents of a mail are read. */
function workOf(mail: string): number {
  const { work, contents } = readMail(mail)
  return contents.reduce((sum, { length }) => sum + length, work)
}

/** What a mail costs of any size: headers, and contents of a few bytes. */
const CONSTANT = 64 * 1024

t.test('mail of any shape that is twice as long takes twice the work', async (t) => {
  for (const { name, make } of hostileShapes) {
    const once = workOf(make(8 * 1024))
    const twice = workOf(make(16 * 1024))
    if (twice > 2.2 * once + CONSTANT) t.fail(`${name}: ${once}, then ${twice}`)
  }
  t.ok(hostileShapes.length >= 60)
})
