import t from 'tap'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import type { Acceptance } from '../../../../src/scanner/scan/judge/decision/decision.ts'
import { forwardTo } from '../../../../src/scanner/scan/judge/decision/forward.ts'

/** X-Quarantine-ID: where a message that VIRUSFORWARD got would have gone. */

const tagged: Acceptance = {
  kind: 'accept',
  edits: { remove: [], add: [] },
  details: { scan: 'infected', reason: '', times: {} },
}
const forward = (...recipients: readonly string[]) => {
  const to = recipients.map((recipient) => Buffer.from(recipient, 'latin1'))
  return forwardTo('virus@example.org', makeEnvelope(Buffer.from(''), to), tagged)
}
const valueFor = (...recipients: readonly string[]) => {
  const [field] = forward(...recipients).edits.add
  t.equal(field?.name, 'X-Quarantine-ID')
  return field!.value
}

t.test('the field names the address of VIRUSFORWARD, and then the recipients', async (t) => {
  t.equal(valueFor(), 'virus@example.org')
  t.equal(valueFor('a@x', 'b@x'), 'virus@example.org,a@x,b@x')
})

t.test('bytes of an address that could end a list, a line or the header become %XX', async (t) => {
  t.equal(valueFor('a,b\r\n\t %é@x'), 'virus@example.org,a%2cb%0d%0a%09%20%25%e9@x')
  t.equal(valueFor('!~@x'), 'virus@example.org,!~@x', 'the first and the last that stay')
})

t.test('lines of the field are folded where they would have more than 76 characters', async (t) => {
  const fits = 'f'.repeat(76 - 'virus@example.org'.length)
  t.equal(valueFor(fits), `virus@example.org,${fits}`)
  t.equal(valueFor(`${fits}f`, 'b@x'), `virus@example.org,\n ${fits}f,b@x`)
  const folded = valueFor(...Array.from({ length: 99 }, (_, n) => `user${n}@x`)).split('\n')
  t.ok(folded.length > 10)
  // Beside 76 characters the blank in front, and a comma before and behind the last address.
  for (const line of folded) t.ok(line.length <= 76 + 3, line)
})

t.test('the field has 8 KiB at most, and then the number of those left out', async (t) => {
  const many = Array.from({ length: 2000 }, (_, n) => `user${n}@example.org`)
  const value = valueFor(...many)
  t.ok(value.length <= 8 * 1024 + ',\n +2000 more'.length)
  t.ok(value.length > 8 * 1024 - 50, 'and it is used up')
  const [, left = ''] = /,\n \+(\d+) more$/.exec(value) ?? []
  const named = value.split(/,(?:\n )?/).length - 2
  t.equal(named + Number(left), 2000)
  const long = Array.from({ length: 9 }, () => 'l'.repeat(1000))
  t.match(valueFor(...long, 'b@x'), /l{1000},\n \+2 more$/, 'and none behind')
})

t.test('only mail to the address of VIRUSFORWARD alone counts as forwarded', async (t) => {
  t.equal(forward('virus@example.org'), tagged)
  for (const to of [['b@example.org'], ['virus@example.org', 'b@example.org'], []]) {
    t.match(forward(...to).recipients, [{ text: 'virus@example.org' }])
  }
})
