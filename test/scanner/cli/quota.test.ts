import t from 'tap'
import { extendedAnswer, udpService } from '../scan/quota/services.ts'
import { jsonIn, onescan } from './onescan.ts'

/** `onescan quota` prints the answer of the service. */

const mailboxes = {
  'full@example.org': [1050, 1000],
  'half@example.org': [500, 1000],
  ann: [7, 0],
} as const

/** Milliseconds for a question, more than a busy machine needs. */
const QUOTATIMEOUT = '30000'

t.test('the answer of a service is printed in words and as an exit code', async (t) => {
  const service = await udpService(t, extendedAnswer(mailboxes))
  const source = `quotad:127.0.0.1:${service.port}`
  const ask = (...words: string[]) =>
    onescan(['quota', ...words], {
      env: { QUOTAD: source, QUOTATIMEOUT },
    })
  t.match(await ask('full@example.org'), {
    code: 1,
    out: `over quota, 1050 of 1000 bytes (105 %), according to ${source}\n`,
    err: '',
  })
  t.match(await ask('half@example.org'), {
    code: 0,
    out: 'there is space, 500 of 1000 bytes (50 %)',
  })
  t.match(await ask('half@example.org', '--size', '1K'), { code: 1 })
  t.match(await ask('ann'), { code: 0, out: '7 of unlimited bytes' })
  t.match(await ask('nobody'), { code: 3, out: 'no such user' })
  t.match(await ask('a b'), { code: 2, out: 'unknown, is not the name of a mailbox' })
  const json = await ask('half@example.org', '--json')
  t.same(jsonIn(json.out).results[0], {
    mailbox: 'half@example.org',
    answer: 'room',
    source,
    size: 500,
    quota: 1000,
  })
})

t.test('quota names the mailbox for an address with an extension', async (t) => {
  const service = await udpService(t, extendedAnswer(mailboxes))
  const env = {
    QUOTAD: `quotad:127.0.0.1:${service.port}`,
    QUOTADELIMITER: '+',
    QUOTATIMEOUT,
  }
  const ask = (...words: string[]) => onescan(['quota', 'full+x@example.org', ...words], { env })
  t.match(await ask(), { code: 1, out: ', as mailbox full@example.org, according to quotad:' })
  t.match(jsonIn((await ask('--json')).out).results[0], {
    found: 'full@example.org',
  })
  t.match(await ask('--env', 'QUOTADELIMITER='), { code: 3, out: 'no such user' })
})

t.test('a service that is down, or no service, ends with exit code 2 and a reason', async (t) => {
  const dead = await udpService(t, () => undefined)
  const env = { QUOTAD: `quotad:127.0.0.1:${dead.port}`, QUOTATIMEOUT: '50' }
  t.match(await onescan(['quota', 'ann'], { env }), {
    code: 2,
    out: /unknown, no answer in 50 ms/,
  })
  t.match(await onescan(['quota', 'ann']), {
    code: 2,
    err: /QUOTAD is not set; set it in \/etc\/default\/onescand, or add --env QUOTAD=SERVICE/,
  })
  const wrong = { QUOTAD: 'udp:nowhere' }
  t.match(await onescan(['quota', 'ann'], { env: wrong }), {
    code: 2,
    err: /QUOTAD="udp:nowhere": must/,
  })
  t.match(await onescan(['quota']), { code: 2 })
  t.match(await onescan(['quota', 'ann', '--size', 'big'], { env }), { code: 2, err: /--size big/ })
})
