import t from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { spool, startQuotad } from '../../../quota/quotad.ts'
import { ann, ben, clientOf } from './services.ts'

/** The client asks a running onescan-quotad about Maildirs. */

t.test('the client understands onescan-quotad, over UDP in both forms and over HTTP', async (t) => {
  const mailboxes = spool(t, {
    'example.org/ann/maildirsize': '1000S\n1000 1\n',
    'example.org/ann/cur/1,S=1000:2,': 'x'.repeat(1000),
    'example.org/ben/maildirsize': '1000S\n400 1\n',
    'example.org/ben/cur/1,S=400:2,': 'x'.repeat(400),
  })
  const quotad = await startQuotad(t, { QUOTAMAILBOX: `maildir:${mailboxes}/%d/%n` })
  const nobody = readAddress('nobody@example.org')
  for (const service of [
    `quotad:127.0.0.1:${quotad.udpPort}`,
    `udp:127.0.0.1:${quotad.udpPort}`,
    `${quotad.url}/cgi-bin/quota.cgi`,
  ]) {
    const { client, log } = clientOf(t, service, { QUOTATIMEOUT: '10000' })
    t.match(await client.ask(ann), { status: 'full' }, service)
    t.match(await client.ask(ben), { status: 'room' }, service)
    t.match(await client.ask(nobody), { status: 'no-such-user' }, service)
    if (!service.startsWith('udp:')) {
      t.match(await client.ask(ben), { usage: { size: 400, quota: 1000 } }, service)
      t.match(await client.ask(ben, 601), { status: 'full' }, service)
    }
    t.same(log, [])
  }
})
