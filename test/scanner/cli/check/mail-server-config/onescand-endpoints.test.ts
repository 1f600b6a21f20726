import t from 'tap'
import {
  matchAddress,
  onescandEndpoints,
} from '../../../../../src/scanner/cli/check/mail-server-config/onescand-endpoints.ts'
import { readOptions } from '../../../../../src/scanner/options/daemon-options.ts'
import { doorBy } from '../../../../../src/scanner/options/door-address.ts'

/** Addresses of sockets, as onescand, Postfix and Sendmail write them. */

const QUEUE = '/var/spool/postfix'

t.test('an address matches the one at which onescand listens, in whatever form', async (t) => {
  const port = 'inet:127.0.0.1:8890'
  const port6 = 'inet6:[::1]:8890'
  const path = 'unix:/var/spool/postfix/onescan/a.sock'
  const everywhere = 'inet:0.0.0.0:25'
  const listening = [port, port6, path, everywhere].map((text) => doorBy('milter')(text, ''))
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
    t.equal(matchAddress(text, listening, QUEUE), undefined, text)
  }
})

t.test(
  'the addresses of the socket unit for milters count, while systemd listens there',
  async (t) => {
    const of = (active: string) =>
      onescandEndpoints(readOptions([]), undefined, () => ({
        active,
        listens: ['inet:127.0.0.1:8890'],
      }))
        .milters.map(({ address }) => address)
        .filter((address) => address.startsWith('inet:'))
    t.same(of('active'), ['inet:127.0.0.1:8890'])
    t.same(of('inactive'), [])
  },
)

// promise: bad-onescand
t.test('addresses that a running onescand reports count if they are on this host', (t) => {
  const here = ['inet:127.0.0.1:8890', 'inet:0.0.0.0:1', 'unix:/run/x/a.sock']
  const elsewhere = ['inet:203.0.113.9:25', 'unix:/a, inet:203.0.113.9:25', 'unix:/{a']
  const milters = [...here, ...elsewhere].map((address) => `--milter=${address}`)
  const description = { pid: 1, args: milters, settings: {}, changed: [], replaced: [], since: 0, uid: 1, groups: [] } // biome-ignore format: a line
  const of = (args: readonly string[]) =>
    onescandEndpoints(readOptions(args), { socket: '', description }).milters.map(
      ({ address }) => address,
    )
  t.same(of([]).slice(0, here.length), here)
  t.notMatch(of([]).join(), /203|example|[{]/)
  t.ok(of(['--milter', elsewhere[0]!]).includes(elsewhere[0]!), "root's file names it")
  t.end()
})
