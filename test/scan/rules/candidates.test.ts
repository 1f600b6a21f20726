import t from 'tap'
import { parseIpAddress } from '../../../src/ground/net/ip-address.ts'
import { readAddress } from '../../../src/mail/message/envelope/address.ts'
import { candidatesIn } from '../../../src/scan/rules/candidates.ts'
import { parseRules } from '../../../src/scan/rules/load.ts'
import { Rules } from '../../../src/scan/rules/match.ts'
import { createRandom } from '../../run/random.ts'

/** The cold slot reads only lines that may be about its message: what they say is what all say. */

const words = `
  to=a@x.org to=A@X.org. to=x.org To=x.org to=.org to=.x.org to=org to="a@x.org" to=a+b@x.org
  to=aXb@x.org to=grün@x.org to=müller.example to=MÜLLER.example to=xn--mller-kva.example
  to=x.org. from=a@x.org from=.x.org from=<> from=y.com auth auth=no size>5 size<5 client=10.
  client=10.0.0.0/8 client=10.1.0.0/16 client=8.0.0.0/6 client=11.2.3.4 client=10.1.2.3
  client=::/0 client=2001:db8::/32 signature=V* *
`
  .trim()
  .split(/\s+/)
const ends = [
  '\n',
  '\r\n',
  '\n# comment\n',
  '\n\n',
  '\r\n  \r\n',
  '\n# a\n  ',
  '\n\t',
  '\r\n\r\n ',
  '\n# no-break\u00a0\n',
]
const senders = ['a@x.org', 'b@y.x.org', '', 'root', 'a@Y.com']
const recipients = `
  a@x.org a postmaster@[10.1.2.3] A@X.ORG. b@x.org c@org a+b@x.org axb@x.org gr\xc3\xbcn@x.org
  d@z.y.x.org "a"@x.org @r.org:a@x.org "\\a"@y.org a@m\xc3\xbcller.example
  a@xn--mller-kva.example
`
  .trim()
  .split(/\s+/)
const clients = ['10.1.2.3', '11.2.3.4', '::ffff:10.1.2.3', '2001:db8::1', undefined]

t.test('the chosen lines decide as all lines of the file do', async (t) => {
  const { below, once, pick } = createRandom(7)
  let left = 0
  let compared = 0
  let wrong = 0
  for (let round = 0; round < 3000; round++) {
    let text = pick(['', '# first\n', '\n'])
    for (let line = 1 + below(6); line > 0; line--) {
      const pattern = once(3) ? `${pick(words)},${pick(words)}` : pick(words)
      const does = pattern.includes('signature') ? 'allow' : pick(['scan off', 'SCANFAIL=accept'])
      const end = line === 1 ? pick(['', '\n', '\r\n']) : pick(ends)
      // A line goes on behind some of the ends: what it says stands there then.
      text += /[ \t]$/.test(end) ? `${pattern}${end}${does}\n` : `${pattern} ${does}${end}`
    }
    const to = Array.from({ length: 1 + below(2) }, () => readAddress(pick(recipients)))
    const sender = readAddress(pick(senders))
    const address = pick(clients)
    const client = address === undefined ? undefined : parseIpAddress(address)
    let all: ReturnType<typeof parseRules>
    try {
      all = parseRules(text, 'file')
    } catch {
      continue // such a line may be one that is left out
    }
    const chosen = parseRules(text, 'file', { sender, recipients: to, client })
    left += all.length - chosen.length
    const [full, lazy] = [new Rules('file', all), new Rules('file', chosen)]
    for (const recipient of [...to, undefined]) {
      const facts = { sender, recipient, client, auth: once(2), size: below(10) }
      compared++
      const both = [full, lazy].map((rules) => [
        rules.find(facts),
        rules.exceptions(facts),
        rules.always,
      ])
      if (JSON.stringify(both[0]) === JSON.stringify(both[1])) continue
      wrong++
      t.same(both[1], both[0], JSON.stringify([text, sender.text, recipient?.text, address]))
    }
  }
  t.equal(wrong, 0)
  t.ok(compared > 2000 && left > 700, `${compared} compared, ${left} lines were left out`)
})

t.test('only the lines of ten thousand that may apply are read, with their numbers', async (t) => {
  const lines = Array.from(
    { length: 10_000 },
    (_, i) => `${i % 2 ? 'to' : 'from'}=user${i}@host${i % 500}.example.org scan off`,
  )
  lines[6000] = '* SCANFAIL=accept'
  const found = candidatesIn(lines.join('\n'), {
    sender: readAddress('user78@host78.example.org'),
    recipients: [readAddress('user9999@host499.example.org')],
    client: undefined,
  })
  t.same(
    found?.map(({ number }) => number),
    [79, 6001, 10_000],
  )
})

t.test('only an error in a line about somebody else is not noticed', async (t) => {
  const about = {
    sender: readAddress('a@example.net'),
    recipients: [readAddress('b@example.org')],
    client: undefined,
  }
  t.same(parseRules('to=other.org NONSENSE\n', 'file', about), [])
  for (const line of [
    'to=example.org NONSENSE',
    'too=other.org scan off',
    'to=other.org',
    'to other.org scan off',
  ]) {
    const text = `# comment\n\n${line}`
    t.throws(() => parseRules(text, 'file', about), { message: /^file line 3: / }, line)
  }
})

t.test('all lines are read where ends of lines are odd', async (t) => {
  const about = {
    sender: readAddress('a@b.c'),
    recipients: [readAddress('d@e.f')],
    client: undefined,
  }
  for (const text of [
    '# x\rto=e.f scan off\n',
    '# x\u2028to=e.f scan off\n',
    '\fto=e.f scan off',
  ]) {
    t.equal(candidatesIn(text, about), undefined)
    t.throws(() => parseRules(text, 'file', about), {
      message: /^file line 1: has a control character/,
    })
  }
  t.throws(() => parseRules('\u00a0to=e.f scan off\n', 'file', about), {
    message: /is not a condition/,
  })
})

t.test('all lines are read for a message with very many recipients', async (t) => {
  const recipients = Array.from({ length: 300 }, (_, i) => readAddress(`u${i}@h${i}.org`))
  t.equal(
    candidatesIn('* x', { sender: readAddress(''), recipients, client: undefined }),
    undefined,
  )
})

t.test('a file that is hostile to expressions takes linear time', async (t) => {
  const about = { sender: readAddress('a@b.c'), recipients: [], client: undefined }
  for (const piece of [
    'to=',
    'to=a',
    '\n',
    ' \n',
    '\r',
    'to=a\n \n',
    '#\n',
    'client=1.',
    'to=a@b.c x\n\r\n',
  ]) {
    const text = piece.repeat(Math.ceil(4_000_000 / piece.length))
    const before = process.cpuUsage().user
    candidatesIn(text, about)
    const half = process.cpuUsage().user - before
    t.ok(half < 5_000_000, `${JSON.stringify(piece)}: ${half} microseconds of processor time`)
  }
})
