import t from 'tap'
import { clientNameOf } from '../../../../src/mail/message/envelope/origin.ts'

t.test('a client has no name if its server says "unknown" or an address in brackets', async (t) => {
  for (const none of [undefined, '', 'unknown', '[192.0.2.1]', '[IPv6:2001:db8::1]']) {
    t.equal(clientNameOf(none), undefined)
  }
  for (const name of ['mail.example.org', 'unknown.example.org', 'localhost', 'odd[']) {
    t.equal(clientNameOf(name), name)
  }
})
