import fc from 'fast-check'
import t from 'tap'
import { parseEndpoint } from '../../../src/base/net/endpoint.ts'

const port = fc.integer({ min: 1, max: 65_535 })
const name = fc.oneof(fc.domain(), fc.ipV4(), fc.stringMatching(/^[\w.-]{1,40}$/))

t.test('a name or an IPv4 address is accepted without brackets before its port', async (t) => {
  fc.assert(
    fc.property(name, port, (host, port) => {
      t.same(parseEndpoint(`${host}:${port}`), { host, port })
    }),
  )
})

t.test('an IP address in brackets is read without them, with its zone', async (t) => {
  const zone = fc.constantFrom('', '%eth0', '%2')
  const address = fc.oneof(
    fc.ipV4(),
    fc.tuple(fc.ipV6(), zone).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(address, port, (host, port) => {
      t.same(parseEndpoint(`[${host}]:${port}`), { host, port })
    }),
  )
})

t.test('a host without brackets and a port in range are parsed', async (t) => {
  const like = fc.stringMatching(/^[a-f0-9:.[\]@%, /-]{0,24}$/)
  const leastPort = fc.constantFrom(0 as const, 1 as const)
  fc.assert(
    fc.property(fc.oneof(like, fc.string()), leastPort, (text, leastPort) => {
      const read = parseEndpoint(text, { leastPort })
      if (read === undefined) return
      t.ok(read.port >= leastPort && read.port <= 65_535, text)
      t.match(read.host, /^[\w.:%-]+$/, text)
      t.ok(
        [`${read.host}:`, `[${read.host}]:`].some((start) => text.startsWith(start)),
        text,
      )
    }),
  )
})

t.test('a text without a port has the usual one, if there is such a port', async (t) => {
  fc.assert(
    fc.property(name, port, (host, defaultPort) => {
      t.same(parseEndpoint(host, { defaultPort }), { host, port: defaultPort })
      t.equal(parseEndpoint(host), undefined)
    }),
  )
  t.same(parseEndpoint('[::1]', { defaultPort: 389 }), { host: '::1', port: 389 })
  t.same(parseEndpoint('a:1', { defaultPort: 389 }), { host: 'a', port: 1 })
  t.equal(parseEndpoint('a b', { defaultPort: 389 }), undefined)
})

t.test('texts that are not endpoints are not read as one', async (t) => {
  for (const text of [
    ...['', ':', ':25', 'a', 'a:', 'a:b', 'a:0', 'a:65536', 'a:000025', 'a:-1', 'a:1.5', 'a: 25'],
    ...['::1:25', '::1', '[::1]', '[::1]25', '[::1', '::1]:25', '[]:25', '[a]:25', '[[::1]]:25'],
    ...['a b:25', 'a:25\n', '\na:25', 'a@b:25', 'a/b:25', 'a,b:25', 'a:25:25', 'unix:/a', '/a:1'],
  ]) {
    t.equal(parseEndpoint(text), undefined, JSON.stringify(text))
  }
})
