import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Network, parseIpAddress } from '../../../../src/base/net/ip-address.ts'
import { readAddress } from '../../../../src/base/text/address.ts'
import { Rules } from '../../../../src/scanner/scan/rules/match.ts'
import { parseRules } from '../../../../src/scanner/scan/rules/parse-rules.ts'
import { createRandom } from '../../../run/random.ts'

/** Which line of onescan.policy applies. */

interface Asked {
  readonly from?: string
  readonly to?: string
  readonly client?: string | undefined
  readonly mayRelay?: boolean
  readonly size?: number
}

const factsOf = ({
  from = 'a@example.net',
  to = 'b@example.org',
  client,
  ...more
}: Asked): Parameters<Rules['find']>[0] => ({
  sender: readAddress(from),
  recipient: readAddress(to),
  client: client === undefined ? undefined : parseIpAddress(client),
  mayRelay: more.mayRelay ?? false,
  size: more.size ?? 1000,
})

const rulesIn = (text: string) => new Rules('file', parseRules(text, 'file'))
const rulesOf = (...lines: readonly string[]) =>
  rulesIn(lines.map((line) => `${line} scan off\n`).join(''))

t.test('the first line that fits counts, whatever its conditions', async (t) => {
  const rules = rulesOf(
    'from=boss@example.net',
    'to=b@example.org,client=192.0.2.0/24',
    'client=2001:db8::/32',
    'to=example.org,auth',
    'to=.example.org',
    'size>1M',
    'to=b@example.org',
    '*',
  )
  const line = (asked: Asked) => rules.find(factsOf(asked))[0]?.line
  t.equal(line({ from: 'Boss@EXAMPLE.net' }), 1)
  t.equal(line({ client: '192.0.2.7' }), 2)
  t.equal(line({ client: '::ffff:192.0.2.7' }), 2)
  t.equal(line({ client: '2001:db8::1', to: 'c@example.com' }), 3)
  t.equal(line({ mayRelay: true }), 4)
  t.equal(line({ to: 'x@mail.example.org' }), 5)
  t.equal(line({ to: 'x@deep.mail.example.org.' }), 5)
  t.equal(line({ size: 1024 ** 2 }), 7)
  t.equal(line({ size: 1024 ** 2 + 1 }), 6)
  t.equal(line({ to: 'B@Example.Org' }), 7)
  t.equal(line({ to: 'notexample.org' }), 8)
  t.equal(line({ to: 'x@notexample.org' }), 8)
})

t.test('<> fits the empty sender, and no name without a domain', async (t) => {
  const rules = rulesOf('from=<>', 'from=example.net')
  t.equal(rules.find(factsOf({ from: '' }))[0]?.line, 1)
  t.equal(rules.find(factsOf({ from: 'root' }))[0], undefined)
  t.equal(rules.find({ ...factsOf({}), recipient: undefined })[0]?.line, 2)
})

t.test('exceptions are found by themselves, and judge no mail', async (t) => {
  const lines = [
    'signature=Heuristics.* allow',
    'to=example.org allow',
    'from=a@example.net,size<5K allow',
    'to=example.org scan off',
  ]
  const rules = rulesIn(lines.join('\n'))
  const exceptions = (asked: Asked) => rules.exceptions(factsOf(asked)).map(({ line }) => line)
  t.equal(rules.find(factsOf({}))[0]?.line, 4)
  const always = rules.always.map(({ line }) => line)
  t.same(always, [1])
  t.same(exceptions({ from: 'c@example.com' }), [2])
  t.same(exceptions({}), [2, 3])
  t.same(exceptions({ size: 5 * 1024 }), [2])
  t.same(exceptions({ to: 'x@example.com', from: 'c@example.com' }), [])
})

t.test('size> and size< leave out mail of just that size', async (t) => {
  const rules = rulesOf('size<5', 'size>5')
  const lines = [4, 5, 6].map((size) => rules.find(factsOf({ size }))[0]?.line)
  t.same(lines, [1, undefined, 2])
  t.equal(rules.find({ ...factsOf({}), size: undefined })[0]?.line, 1, 'not known: as if it fitted')
})

t.test('a recipient without a domain is judged by all lines that could be about it', async (t) => {
  const lines = [
    'to=postmaster@example.org scan off',
    'to=postmaster@example.org REJECTVIRUS=1',
    'to=ann@example.org refuse',
    'to=example.org,client=10. refuse',
    'to=.example.com,size>1M STRICTMIME=refuse',
    'to=example.org allow',
    'client=192.0.2.7 scan off',
    'to=example.net refuse',
    '* SCANFAIL=accept',
  ]
  const rules = rulesIn(lines.join('\n'))
  const found = (asked: Asked) => rules.find(factsOf(asked)).map((rule) => rule?.line)
  const large = 2 * 1024 ** 2
  for (const to of ['postmaster', '"Postmaster"', 'postmaster@[10.1.2.3]', '@a:postmaster']) {
    t.same(found({ to }), [9, 2, 8], to)
    t.same(found({ to, client: '10.1.2.3', size: large }), [9, 2, 4, 5, 8], to)
    t.same(found({ to, client: '192.0.2.7' }), [7, 2], 'a line above all others counts as ever')
    t.same(rules.exceptions(factsOf({ to })), [], 'none is an exception for it')
    t.equal(rules.findRefusal(factsOf({ to }))?.line, 8)
    t.equal(rules.namelessKey(readAddress(to)), 'postmaster')
  }
  t.same(found({ to: 'ann' }), [9, 3, 8])
  t.same(found({ to: 'ben' }), [9, 8])
  t.equal(rules.namelessKey(readAddress('ben')), rules.namelessKey(readAddress('carl')))
  t.same(found({ to: 'postmaster@10.example.org' }), [9], 'which has a name')
  t.equal(rules.namelessKey(readAddress('ben@example.org')), undefined)
})

t.test('the index finds the same lines as a comparison with each line', async (t) => {
  const words = [
    'to=a@x.org',
    'to=x.org',
    'to=.org',
    'to=org',
    'from=a@x.org',
    'from=.x.org',
    'auth',
    'auth=no',
    'size>5',
    'size<5',
    'client=10.',
    '*',
  ]
  const { below, once, pick } = createRandom(1)
  for (let round = 0; round < 300; round++) {
    const lines = Array.from({ length: 1 + below(6) }, () => pick(words))
    const rules = rulesOf(...lines)
    const facts = factsOf({
      from: pick(['a@x.org', 'b@y.x.org', '']),
      to: pick(['a@x.org', 'b@x.org', 'c@org', 'd@y.com']),
      mayRelay: once(2),
      size: below(10),
      client: pick(['10.1.2.3', '11.1.2.3']),
    })
    const alone = lines.findIndex((line) => rulesOf(line).find(facts)[0] !== undefined)
    t.equal(rules.find(facts)[0]?.line, alone < 0 ? undefined : alone + 1, lines.join(' '))
  }
})

t.test('only the lines of ten thousand that may fit are compared', async (t) => {
  const lines = Array.from(
    { length: 10_000 },
    (_, i) => `to=user${i}@host${i % 500}.example.org scan off`,
  )
  const all = parseRules(lines.join('\n'), 'file')
  let looked = 0
  const counted = all.map((rule) => ({
    ...rule,
    get conditions() {
      looked++
      return rule.conditions
    },
  }))
  const rules = new Rules('file', counted)
  looked = 0
  t.equal(rules.find(factsOf({ to: 'user9999@host499.example.org' }))[0]?.line, 10_000)
  t.equal(rules.find(factsOf({ to: 'nobody@example.org' }))[0], undefined)
  t.ok(looked <= 2, `${looked} lines were looked at`)
})

t.test('few of ten thousand lines are compared for a recipient without a domain', async (t) => {
  let compared = 0
  const from = {
    kind: 'domain',
    get text() {
      compared++
      return 'example.net'
    },
  } as const
  const users = Array.from({ length: 5000 }, (_, i) => `to=user${i}@host${i % 9}.example.org`)
  const hosts = Array.from({ length: 5000 }, (_, i) => `to=host${i}.example.org`)
  for (const action of ['refuse', 'REJECTVIRUS=1']) {
    const text = [...users, ...hosts].map((to) => `${to} ${action}\n`).join('')
    const rules = parseRules(text, 'file').map(({ conditions, ...rule }) => {
      return { ...rule, conditions: { ...conditions, from } }
    })
    const indexed = new Rules('file', rules)
    compared = 0
    const found = (to: string) =>
      indexed.find(factsOf({ to, from: 'a@example.net' })).map((rule) => rule?.line)
    t.same(found('user7'), [undefined, 8, 5001], 'lines of the same meaning count once')
    t.same(found('postmaster'), [undefined, 5001])
    indexed.findRefusal(factsOf({ to: 'postmaster', from: 'b@example.com' }))
    t.equal(compared, 3)
  }
})

t.test('the line about a mailbox counts however a client writes its address', async (t) => {
  const rules = rulesIn('to=ann@example.org refuse\nto=müller.example refuse\n')
  for (const [written, line] of [
    ['Ann@EXAMPLE.org.', 1],
    ['"ann"@example.org', 1],
    ['"a\\nn"@example.org', 1],
    ['@relay.example,@other.example:ann@example.org', 1],
    ['ben@m\xc3\xbcller.example', 2],
    ['ben@M\xc3\x9cLLER.example', 2],
    ['ben@XN--mller-KVA.example', 2],
    ['ann@\xff.example.org', undefined],
    ['ann@example.org@example.net', undefined],
  ] as const) {
    t.equal(rules.findRefusal(factsOf({ from: '', to: written }))?.line, line, written)
  }
})

t.test('the first line with a network of the client applies', async (t) => {
  const networks = [
    '10.1.2.0/24',
    '10.1.0.0/20',
    '10.0.0.0/7',
    '2001:db8::/33',
    '::/0',
    '192.0.2.7',
    '0.0.0.0/0',
  ]
  const clients = [
    '10.1.2.3',
    '10.1.3.3',
    '10.1.15.3',
    '10.1.16.3',
    '11.255.0.1',
    '12.0.0.1',
    '192.0.2.7',
    '2001:db8:7fff::1',
    '2001:db8:8000::1',
  ]
  const orders = [networks, networks.toReversed(), [...networks.slice(3), ...networks.slice(0, 3)]]
  for (const order of orders) {
    const rules = rulesOf(...order.map((network) => `client=${network}`))
    const lineFor = (client?: string) =>
      rules.find({ ...factsOf({ client }), recipient: undefined })[0]?.line ?? 0
    for (const client of clients) {
      const address = parseIpAddress(client)!
      const first = order.findIndex((network) => Network.parse(network)!.has(address))
      t.equal(lineFor(client), first + 1, `${client}: ${order}`)
    }
    t.equal(lineFor(), 0)
  }
})

t.test('letters in UTF-8 are compared without their case, as ASCII letters are', async (t) => {
  const latin1 = (text: string) => Buffer.from(text).toString('latin1')
  const rules = rulesOf('to=\u00e9lan@example.org', 'to=Bj\u00d6rn@example.org')
  t.equal(rules.find(factsOf({ to: latin1('\u00c9LAN@example.org') }))[0]?.line, 1)
  t.equal(rules.find(factsOf({ to: latin1('BJ\u00f6RN@example.org') }))[0]?.line, 2)
  t.equal(rules.find(factsOf({ to: 'bj\xd6rn@example.org' }))[0], undefined, 'no UTF-8')
})

t.test('the lines that a page gives for those of simcontrol count', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../../../doc/coming-from.md'), 'utf8')
  const [, after] = page.split('| simcontrol | onescan.policy |\n')
  const [table = ''] = after!.split('\n\n')
  const lines = [...table.matchAll(/^\| `[^`]*:[^`]*` \| `([^`]+)` \|$/gm)]
  const text = lines.map(([, line]) => line).join('\n')
  const rules = new Rules('page', parseRules(text, 'page'))
  const to = ['ann@example.org', 'bob@example.org', 'x@example.org', 'x@example.net', 'x@y.org']
  const found = to.map((address) => rules.find(factsOf({ to: address }))[0]?.line)
  t.same(found, [1, 2, 3, 4, 5])
})
