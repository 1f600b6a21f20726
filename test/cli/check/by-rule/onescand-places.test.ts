import t from 'tap'
import {
  matchAddress,
  readServiceAddress,
} from '../../../../src/cli/check/by-rule/onescand-places.ts'

/** Addresses of sockets, as onescand, Postfix and Sendmail write them. */

t.test('an address is read in the forms of onescand, Postfix and Sendmail', async (t) => {
  t.same(readServiceAddress('unix:/run/a.sock'), { path: '/run/a.sock' })
  t.same(readServiceAddress('local:a.sock'), { path: 'a.sock' })
  const port = { host: '127.0.0.1', port: 8890 }
  for (const text of ['inet:127.0.0.1:8890', 'inet:8890', 'inet:8890@127.0.0.1']) {
    t.same(readServiceAddress(text), port, text)
  }
  t.same(readServiceAddress('inet6:[::1]:8890'), { host: '::1', port: 8890 })
  t.same(readServiceAddress('inet6:8890@[::1]'), { host: '::1', port: 8890 })
  for (const text of ['', '/run/a.sock', 'unix:', 'inet:', 'inet:host', 'tcp:127.0.0.1:1']) {
    t.equal(readServiceAddress(text), undefined, text)
  }
})

t.test('an address matches the one at which onescand listens, in whatever form', async (t) => {
  const listening = ['inet:127.0.0.1:8890', 'unix:/var/spool/postfix/onescan/a.sock']
  t.equal(matchAddress('inet:8890@localhost', listening, undefined), listening[0])
  t.equal(matchAddress('inet:127.0.0.1:8891', listening, undefined), undefined)
  t.equal(matchAddress('unix:onescan/a.sock', listening, '/var/spool/postfix'), listening[1])
  t.equal(matchAddress('unix:onescan/a.sock', listening, undefined), undefined)
  t.equal(matchAddress('inet:192.0.2.1:25', ['inet:0.0.0.0:25'], undefined), 'inet:0.0.0.0:25')
  t.equal(matchAddress('nonsense', listening, undefined), undefined)
})
