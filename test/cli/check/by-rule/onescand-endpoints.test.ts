import t from 'tap'
import { matchAddress } from '../../../../src/cli/check/by-rule/onescand-endpoints.ts'

/** Addresses of sockets, as onescand, Postfix and Sendmail write them. */

const QUEUE = '/var/spool/postfix'

t.test('an address matches the one at which onescand listens, in whatever form', async (t) => {
  const port = 'inet:127.0.0.1:8890'
  const port6 = 'inet6:[::1]:8890'
  const path = 'unix:/var/spool/postfix/onescan/a.sock'
  const everywhere = 'inet:0.0.0.0:25'
  const listening = [port, port6, path, everywhere]
  for (const [named, found, queue] of [
    ['inet:127.0.0.1:8890', port],
    ['inet:8890', port],
    ['inet:8890@127.0.0.1', port],
    ['inet:8890@localhost', port],
    ['inet:127.0.0.1:8891', undefined],
    ['inet6:8890@[::1]', port6],
    ['inet:192.0.2.1:25', everywhere],
    ['local:/var/spool/postfix/onescan/a.sock', path],
    ['unix:onescan/a.sock', path, QUEUE],
    ['unix:onescan/a.sock', undefined],
  ] as const) {
    t.equal(matchAddress(named, listening, queue), found, named)
  }
  for (const text of ['', '/run/a.sock', 'unix:', 'inet:', 'inet:host', 'tcp:127.0.0.1:8890']) {
    t.equal(matchAddress(text, [...listening, text], QUEUE), undefined, text)
  }
})
