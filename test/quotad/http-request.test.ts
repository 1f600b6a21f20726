import fc from 'fast-check'
import t from 'tap'
import { readRequest } from '../../src/quotad/http-service.ts'

/** What an HTTP request asks onescan-quotad for. */

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
