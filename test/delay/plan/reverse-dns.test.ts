import t from 'tap'
import { parseIpAddress } from '../../../src/base/net/ip-address.ts'
import { readOptions } from '../../../src/delay/options/delay-options.ts'
import { readUcspiClient } from '../../../src/delay/options/ucspi.ts'
import { AllowList } from '../../../src/delay/plan/allow-list.ts'
import { parseNameRules } from '../../../src/delay/plan/name-rules.ts'
import { planFor } from '../../../src/delay/plan/plan.ts'
import { isConfirmed, lookUpNames, openDns } from '../../../src/delay/plan/reverse-dns.ts'
import { type DnsAnswer, startDns } from '../dns-stand-in.ts'

const CLIENT = parseIpAddress('192.0.2.1')!
const client = readUcspiClient({ TCPREMOTEIP: '192.0.2.1' })
const allowed = new AllowList()
const DOMAIN = '1.2.0.192.in-addr.arpa'
const rules = parseNameRules('dynamic *|dsl|*', 'test')
const odd = (...labels: string[]) => labels.map((label) => Buffer.from(label, 'latin1'))

const cases: { name: string; answer: DnsAnswer; expect: string; time?: number }[] = [
  { name: 'an ordinary name', answer: { names: ['mail.example.org'] }, expect: 'ordinary' },
  { name: 'a dynamic name', answer: { names: ['dsl1.example.org'] }, expect: 'dynamic' },
  {
    name: 'one ordinary name among others, in any order',
    answer: { names: ['dsl1.example.org', 'mail.example.org'] },
    expect: 'ordinary',
  },
  { name: 'no such name', answer: { code: 3 }, expect: 'nameless' },
  { name: 'a domain without a PTR', answer: { code: 0 }, expect: 'nameless' },
  { name: 'the root as a name', answer: { names: [''] }, expect: 'nameless' },
  { name: 'SERVFAIL, which is of the moment', answer: { code: 2 }, expect: 'ordinary' },
  { name: 'REFUSED', answer: { code: 5 }, expect: 'ordinary' },
  { name: 'nonsense', answer: 'nonsense', expect: 'ordinary' },
  { name: 'silence', answer: 'silence', expect: 'ordinary', time: 100 },
  {
    name: 'an answer from another port, which anybody could have sent',
    answer: { elsewhere: 'dsl1.example.org' },
    expect: 'ordinary',
    time: 100,
  },
  { name: 'a name with a newline', answer: { names: [odd('ma\nil', 'org')] }, expect: 'dynamic' },
  { name: 'a name with 8-bit', answer: { names: [odd('m\xe4il', 'org')] }, expect: 'dynamic' },
  { name: 'a dot inside a label', answer: { names: [odd('mail.a', 'org')] }, expect: 'dynamic' },
  { name: 'a name of one label', answer: { names: ['localhost'] }, expect: 'dynamic' },
  {
    name: 'a name of 253 letters and dots, the longest there is',
    answer: { names: [odd('a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(61))] },
    expect: 'ordinary',
  },
]

for (const { name, answer, expect, time = 5000 } of cases) {
  t.test(`the class for ${name}`, async (t) => {
    const dns = await startDns(t, { [DOMAIN]: answer })
    const resolver = openDns([dns.server], time, uptime)()
    const plan = planFor(client, readOptions(['next']), { allowed, rules, resolver })
    t.equal(plan.kind === 'wait' && (await plan.judgement).class, expect)
    t.equal(dns.asked[0], DOMAIN)
  })
}

const uptime = () => performance.now()

t.test('a name is confirmed only if it has the address of the client', async (t) => {
  const dns = await startDns(t, {
    'mail.example.org': { address: '192.0.2.1' },
    'other.example.org': { address: '192.0.2.2' },
    'silent.example.org': 'silence',
  })
  const confirmed = (name: string) =>
    isConfirmed(name, CLIENT, openDns([dns.server], 300, uptime)())
  t.equal(await confirmed('mail.example.org'), true)
  t.equal(await confirmed('other.example.org'), false)
  t.equal(await confirmed('none.example.org'), false)
  t.equal(await confirmed('silent.example.org'), false)
})

t.test('a DNS server that is not an address is a fault', async (t) => {
  const fault = { name: 'Fault', message: /DNS server nonsense/ }
  t.throws(() => openDns(['nonsense'], 1, uptime), fault)
})

t.test('the domain of an address is that of RFC 1035 and RFC 3596', async (t) => {
  const asked: string[] = []
  const resolver = {
    async names(domain: string) {
      asked.push(domain)
      return []
    },
    addresses: async () => [],
  }
  for (const ip of ['192.0.2.1', '2001:db8::567:89ab']) {
    await lookUpNames(parseIpAddress(ip)!, resolver)
  }
  t.same(asked, [
    '1.2.0.192.in-addr.arpa',
    'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
  ])
})
