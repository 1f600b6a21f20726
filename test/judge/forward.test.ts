import t from 'tap'
import { wasForwarded } from '../../src/judge/forward.ts'
import { readAddress } from '../../src/message/envelope/address.ts'
import { makeEnvelope } from '../../src/message/envelope/envelope.ts'

t.test('only mail to the address of VIRUSFORWARD alone counts as forwarded', async (t) => {
  const forward = readAddress('virus@example.org')
  const isForwarded = (...recipients: string[]) => {
    const envelope = makeEnvelope(
      Buffer.from(''),
      recipients.map((recipient) => Buffer.from(recipient)),
    )
    return wasForwarded(envelope, forward)
  }
  t.equal(isForwarded('virus@example.org'), true)
  t.equal(isForwarded('b@example.org'), false)
  t.equal(isForwarded('virus@example.org', 'b@example.org'), false)
  t.equal(isForwarded(), false)
})
