import t from 'tap'
import { parseIpAddress } from '../../../src/base/net/ip-address.ts'
import { AllowList } from '../../../src/delay/plan/allow-list.ts'

const list = new AllowList(`# ours
192.0.2.0/24
2001:db8::/32   # and these
.Example.org
mail.example.com
`)

t.test('the allow list finds networks and names, whatever their case', async (t) => {
  t.equal(list.networkOf(parseIpAddress('192.0.2.9')!), '192.0.2.0/24')
  t.equal(list.networkOf(parseIpAddress('2001:db8::9')!), '2001:db8::/32')
  t.equal(list.networkOf(parseIpAddress('198.51.100.1')!), undefined)
  t.equal(list.entryFor('MX.example.ORG.'), '.example.org')
  t.equal(list.entryFor('mail.example.com'), 'mail.example.com')
  t.equal(list.entryFor('other.mail.example.com'), undefined)
  t.equal(list.entryFor('example.org'), undefined, 'the dot stands for names below')
  t.equal(list.entryFor('badexample.org'), undefined)
})

t.test('a line of the allow list that is neither a network nor a name is an error', async (t) => {
  for (const line of ['192.0.2.0/40', 'a b', '*.example.org', '192.0.2', 'exa\xe4mple.org']) {
    t.throws(() => new AllowList(`10.\n${line}\n`), { message: /^line 2: / }, line)
  }
})
