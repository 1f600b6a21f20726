import t from 'tap'
import { alikeGroups } from '../../../../src/scanner/scan/quarantine/alike.ts'

/** The groups in which people look at many messages. */

const message = (subject: string | null, from: string, found = 'Bank-12', grounds = 'virus') => ({
  ...{ subject, from, found, grounds },
  sender: '',
})
const many = (number: number, make: (n: number) => ReturnType<typeof message>) =>
  Array.from({ length: number }, (_, n) => make(n))

t.test('the good message of a campaign stands before its groups', async (t) => {
  const good = message('Minutes', 'Ann <ann@mail.example>')
  const byDomain = many(60, (n) => message('x'.repeat(n), `Bank <a${n}@Mail.example>`, 'Other-1'))
  const bySubject = many(300, (n) => message(`Your card ${n}`, `a@host${n}.example`))
  const freemail = many(5, (n) => message(`Card ${n}`, `c${n}@mail.example`, `Bank-${n}`))
  t.same(alikeGroups([...byDomain, ...bySubject, good, ...freemail]), [
    [good],
    freemail,
    byDomain,
    bySubject,
  ])
})

t.test('a good message with the subject of a campaign from elsewhere is single', async (t) => {
  const good = message('Invoice 1128', 'Ann <ann@partner.example>')
  const campaign = many(60, (n) =>
    message(`Invoice ${n}`, `a${n}@mail${n % 2}.example`, `Bank-${n}`),
  )
  t.same(alikeGroups([...campaign.slice(1), good, ...campaign.slice(0, 1)])[0], [good])
  const anywhere = many(60, (n) => message(`Invoice ${n}`, `a@host${n}.example`))
  t.same(alikeGroups([...anywhere, good]), [[...anywhere, good]], 'all come from elsewhere')
})

t.test('up to three alike are single, in their order', async (t) => {
  const three = many(3, () => message('Offer', 'a@example.net'))
  t.same(alikeGroups(three), three.map((one) => [one])) // biome-ignore format: a line
  t.same(alikeGroups([...three, message('Offer', 'b@example.com')]).length, 1)
  const others = many(3, () => message('Offer', 'a@example.net', 'x.exe', 'banned'))
  t.same(alikeGroups([...three, ...others]).length, 6, 'kept for another reason')
})
