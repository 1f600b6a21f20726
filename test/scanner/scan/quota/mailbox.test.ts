import t, { type Test } from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { backendMap, clientOf, extendedAnswer, udpService } from './services.ts'

/** Addresses with an extension: user+ext@domain, and qmail's user-ext@domain. */

const mailboxes = {
  'ann@example.org': [100, 100],
  'mary-ann@example.org': [1, 100],
  'mary@example.org': [100, 100],
  'team+x@example.org': [1, 100],
  'team@example.org': [100, 100],
} as const

async function rig(t: Test, QUOTADELIMITER?: string) {
  const service = await udpService(t, extendedAnswer(mailboxes))
  const env = QUOTADELIMITER === undefined ? {} : { QUOTADELIMITER }
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`, env)
  return {
    ask: async (address: string) => (await client.ask(readAddress(address))).status,
    explain: (address: string) => client.explain(readAddress(address)),
    counters: client.counters,
    asked: () => service.heard.splice(0).map((question) => question.split(' ')[1]),
  }
}

t.test('without QUOTADELIMITER the whole address is asked about', async (t) => {
  const { ask, asked } = await rig(t)
  t.equal(await ask('ann+lists@example.org'), 'no-such-user')
  t.same(asked(), ['ann+lists@example.org'])
})

t.test('the name without its extension is tried if the whole name has no mailbox', async (t) => {
  const { ask, asked, counters } = await rig(t, '+')
  t.equal(await ask('ann+lists@Example.ORG'), 'full')
  t.same(asked(), ['ann+lists@example.org', 'ann@example.org'])
  t.equal(await ask('ann+lists@example.org'), 'full')
  t.equal(await ask('ann@example.org'), 'full')
  t.same(asked(), [], 'and both answers are kept')
  t.match(counters, { questions: 3, full: 3, noSuchUser: 0 })
})

t.test('a user with the whole name comes before a user without the extension', async (t) => {
  const { ask, asked } = await rig(t, '+')
  t.equal(await ask('team+x@example.org'), 'room')
  t.same(asked(), ['team+x@example.org'])
})

t.test('the longest name that a user has counts, as with qmail-getpw', async (t) => {
  const { ask, explain } = await rig(t, '-')
  t.equal(await ask('mary-ann-lists-qmail@example.org'), 'room')
  t.equal(await ask('mary-lists@example.org'), 'full')
  t.match(await explain('mary-ann-lists@example.org'), { mailbox: 'mary-ann@example.org' })
  t.equal((await explain('mary-ann@example.org')).mailbox, undefined)
})

t.test('each delimiter may begin an extension, but no name becomes empty', async (t) => {
  const { ask, asked } = await rig(t, '+-')
  t.equal(await ask('ann-a+b@example.org'), 'full')
  t.same(asked(), ['ann-a+b@example.org', 'ann-a@example.org', 'ann@example.org'])
  t.equal(await ask('+x@a-b'), 'no-such-user')
  t.equal(await ask('-'), 'no-such-user')
  t.same(asked(), ['+x@a-b', '-'])
})

t.test('a name of delimiters alone costs at most five questions', async (t) => {
  const { ask, asked } = await rig(t, '-')
  t.equal(await ask(`ann${'-x'.repeat(60)}@example.org`), 'no-such-user')
  t.equal(asked().length, 5)
})

t.test('no shorter name is tried if the service has no answer about the whole name', async (t) => {
  const service = await udpService(t, (packet) => {
    const [, name, , nonce] = packet.split(' ')
    return name === 'ann@example.org' ? `QUOTA_FULL ${name} 9 9 ${nonce}` : undefined
  })
  const env = { QUOTADELIMITER: '+', QUOTATIMEOUT: '50' }
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`, env)
  t.match(await client.ask(readAddress('ann+x@example.org')), { status: 'unknown' })
  t.notMatch(service.heard.join(), 'CHECK_QUOTA ann@')
})

t.test('a map finds the backend of an address without its extension', async (t) => {
  const service = await udpService(t, extendedAnswer(mailboxes))
  const map = backendMap(t, `ann@example.org quotad:127.0.0.1:${service.port}`)
  const { client } = clientOf(t, 'udp:127.0.0.1:1', { QUOTADELIMITER: '+' }, map)
  t.match(await client.ask(readAddress('ann+x@example.org')), { status: 'full' })
  t.match(await client.ask(readAddress('ben+x@example.org')), {
    status: 'unknown',
    reason: 'QUOTAD names no service for this address',
  })
})
