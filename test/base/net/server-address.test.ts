import fc from 'fast-check'
import t from 'tap'
import {
  hostToReach,
  isEverywhere,
  isLoopbackHost,
  parseServerAddress,
} from '../../../src/base/net/server-address.ts'

const port = fc.integer({ min: 1, max: 65_535 })
const name = fc.oneof(fc.domain(), fc.ipV4(), fc.stringMatching(/^[\w.-]{1,40}$/))

t.test('an address as Sendmail writes it, PORT@HOST, is read like HOST:PORT', async (t) => {
  fc.assert(
    fc.property(name, port, (host, port) => {
      for (const text of [`inet:${port}@${host}`, `inet:${host}:${port}`])
        t.same(parseServerAddress(text), { kind: 'tcp', host, port })
    }),
  )
  fc.assert(
    fc.property(fc.ipV6(), port, (host, port) => {
      for (const text of [`${port}@${host}`, `${port}@[${host}]`, `[${host}]:${port}`])
        t.same(parseServerAddress(`inet6:${text}`), { kind: 'tcp', host, port })
    }),
  )
  for (const text of ['25@', '@a', '0@a', '65536@a', '25@a@b', '25@a:b', '25@[a', '25', ':25', 'a'])
    t.equal(parseServerAddress(`inet:${text}`), undefined, text)
  for (const text of ['', '/a', 'unix:', 'tcp:a:25', 'a:25'])
    t.equal(parseServerAddress(text), undefined, text)
})

t.test('a port alone is one at the usual host', async (t) => {
  for (const text of ['inet:25', 'inet::25', 'inet:25@'])
    t.same(parseServerAddress(text, '127.0.0.1'), { kind: 'tcp', host: '127.0.0.1', port: 25 })
})

t.test('a path and TLS are kept', async (t) => {
  t.same(parseServerAddress('local:a/b'), { kind: 'unix', path: 'a/b' })
  const secure = { kind: 'tcp', host: '::', port: 3312, isSecure: true }
  t.same(parseServerAddress('tls:[::]:3312'), secure)
})

t.test('loopback and unspecified addresses are recognized in each notation', async (t) => {
  const loopback = ['127.0.0.1', '127.8.9.10', '::1', '0:0::0001', '::ffff:127.0.0.1', 'localhost']
  for (const host of loopback) t.ok(isLoopbackHost(host), host)
  for (const host of ['128.0.0.1', '::', '0.0.0.0', '127.example.net', 'localhost.example.net', ''])
    t.notOk(isLoopbackHost(host), host)
  for (const host of ['0.0.0.0', '::', '0::0']) t.ok(isEverywhere(host), host)
  for (const host of ['127.0.0.1', '::1', '', 'localhost']) t.notOk(isEverywhere(host), host)
  for (const [host, reached] of [
    ['0.0.0.0', '127.0.0.1'],
    ['::', '::1'],
    ['localhost', '127.0.0.1'],
    ['192.0.2.1', '192.0.2.1'],
  ] as const)
    t.equal(hostToReach(host), reached)
})
