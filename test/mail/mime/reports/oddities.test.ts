import t from 'tap'
import { type Oddity, oddities } from '../../../../src/mail/mime/reports/oddities.ts'
import { readMail } from '../read-mail.ts'
import { examples, ordinary } from './oddity-examples.ts'

function odditiesOf(message: Buffer): Oddity[] {
  return [...new Set(readMail(message).odd)].sort()
}

const bytes = (text: string) => Buffer.from(text, 'latin1')

t.test('mail as programs write it has no oddities', async (t) => {
  for (const message of ordinary) t.same(odditiesOf(bytes(message)), [], JSON.stringify(message))
})

t.test('every example has its oddity, and similar mail has none', async (t) => {
  for (const oddity of Object.keys(oddities) as Oddity[]) {
    const { has, hasNot } = examples[oddity]
    for (const message of has) {
      const found = odditiesOf(bytes(message))
      if (!found.includes(oddity))
        t.fail(`${oddity}: ${JSON.stringify(message.slice(0, 200))} has ${found}`)
    }
    for (const message of hasNot) {
      const found = odditiesOf(bytes(message))
      if (found.includes(oddity)) t.fail(`no ${oddity}: ${JSON.stringify(message.slice(0, 200))}`)
    }
    t.ok(has.length > 0 && hasNot.length > 0, oddity)
  }
})
