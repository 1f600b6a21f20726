import fc from 'fast-check'
import t from 'tap'
import {
  httpReply,
  pathOfRequest,
  readBody,
  readRequest,
} from '../../../../src/base/protocol/quota/quota-http.ts'

/** What an HTTP request asks onescan-quotad for, and what it answers. */

const cgi = (query: string, method = 'GET') => readRequest(method, `/cgi-bin/quota.cgi${query}`)
const quotaOf = (user: string) => ({ asks: 'quota', user })

t.test('each path has its question', async (t) => {
  for (const [target, question] of [
    ['/health', { asks: 'health' }],
    ['/metrics', { asks: 'metrics' }],
    ['/metrics?x', { asks: 'metrics' }],
    ['/', { asks: 'nothing', status: 404, text: 'page not found' }],
    ['/cgi-bin/quota.cgi/', { asks: 'nothing', status: 404 }],
  ] as const) {
    t.match(readRequest('GET', target), question, target)
  }
  t.match(readRequest('HEAD', '/health'), { asks: 'health' })
  t.match(readRequest('POST', '/health'), { asks: 'nothing', status: 405 })
})

t.test('the user is the value of u', async (t) => {
  t.same(cgi('?u=ann', 'HEAD'), quotaOf('ann'))
  t.same(cgi('?x=1&u=a+b%2bc%2B&u=other'), quotaOf('a b+c+'))
  for (const query of ['', '?', '?u=', '?x=u', '?xu=ann']) {
    t.match(cgi(query), { status: 400, text: 'u=USER is missing' }, query)
  }
  for (const query of ['?u=%', '?u=a%4', '?u=%4g', '?u=%g4', '?u=%%']) {
    t.match(cgi(query), { status: 400, text: 'u is malformed' }, query)
  }
})

t.test('no target makes readRequest throw, and every byte of a name can be written', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (rest) => {
      readRequest('GET', `/cgi-bin/quota.cgi${rest}`)
    }),
    { numRuns: 1000 },
  )
  for (let byte = 1; byte < 256; byte++) {
    const hex = byte.toString(16).padStart(2, '0')
    const question = readRequest('GET', `/cgi-bin/quota.cgi?u=%${hex}`)
    t.same(question, { asks: 'quota', user: String.fromCharCode(byte) })
  }
})

t.test('each name of a request is read as it was meant', async (t) => {
  for (const name of ['ann@example.org', 'a b+c%', '\xe4\xff']) {
    const path = pathOfRequest(new URL('http://mx/cgi-bin/quota.cgi'), name)
    t.same(readRequest('GET', path), quotaOf(name))
  }
})

t.test('the client of onescan understands each answer', async (t) => {
  for (const status of ['room', 'full'] as const) {
    const answer = { status, usage: { size: 5, quota: 9 } }
    t.same(readBody(httpReply('ann', answer).text, 'ann'), answer)
  }
})

t.test('an answer over HTTP must have four words', async (t) => {
  const used = { size: 5, quota: 9 }
  t.same(readBody('OK ann 5 9', 'ann'), { status: 'room', usage: used })
  t.same(readBody('OVERQUOTA ann 5 9\r\n', 'ann'), { status: 'full', usage: used })
  for (const text of ['OK', 'OK ann 5', 'OK ann 5 9 1', 'OK ben 5 9', 'QUOTA_OK ann 5 9']) {
    t.equal(readBody(text, 'ann'), undefined, text)
  }
  t.equal(readBody('OK ann 5 9\n\n', 'ann'), undefined)
})
