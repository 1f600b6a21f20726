import t from 'tap'
import { inheritedSockets } from '../../../src/scanner/daemon/listening/open-sockets.ts'
import {
  kindAt,
  optionOf,
  parseDoorAddress,
  writeDoorAddress,
} from '../../../src/scanner/options/door-address.ts'

/** How the addresses of doors are read, and the purposes of sockets of systemd. */

const read = (text: string) => parseDoorAddress(text, '--milter')

t.test('an address is written as in main.cf or as in sendmail.mc', async (t) => {
  t.same(read('unix:/run/x.sock'), { kind: 'unix', path: '/run/x.sock' })
  t.same(read('local:/run/x.sock'), { kind: 'unix', path: '/run/x.sock' })
  t.same(read('inet:127.0.0.1:8890'), { kind: 'tcp', host: '127.0.0.1', port: 8890 })
  t.same(read('inet:8890@127.0.0.1'), { kind: 'tcp', host: '127.0.0.1', port: 8890 })
  t.same(read('inet6:[::1]:8890'), { kind: 'tcp', host: '::1', port: 8890 })
  t.same(read('inet6:8890@[::1]'), { kind: 'tcp', host: '::1', port: 8890 })
  t.same(read('inet6:8890@::1'), { kind: 'tcp', host: '::1', port: 8890 })
})

t.test('an address is read as it is written in logs and findings', async (t) => {
  for (const text of ['unix:/run/x.sock', 'inet:127.0.0.1:8890', 'inet6:[::1]:8890']) {
    t.equal(writeDoorAddress(read(text)), text)
  }
})

t.test('clients of clamd alone have addresses with TLS', async (t) => {
  const read = (text: string) => parseDoorAddress(text, '--clamd-mail', true)
  for (const text of ['tls:0.0.0.0:3312', 'tls:[::]:3312']) {
    t.equal(writeDoorAddress(read(text)), text)
    t.equal(kindAt('clamd-mail', read(text)), 'clamd-mail-tls')
    t.throws(() => parseDoorAddress(text, '--milter'), /--milter tls:.*: must be unix:PATH, inet:/)
  }
  t.equal(kindAt('clamd', read('inet:127.0.0.1:3311')), 'clamd')
  t.equal(optionOf('clamd-mail-tls'), '--clamd-mail')
  for (const place of ['scan1:3312', '0.0.0.0', '0.0.0.0:0', '/run/x.sock']) {
    t.throws(() => read(`tls:${place}`), /--clamd-mail tls:.*: must have an IP address and a port/)
  }
})

t.test('the error about a wrong address names the remedy', async (t) => {
  t.throws(() => read('/run/x.sock'), /--milter \/run\/x\.sock: must be unix:PATH, inet:/)
  t.throws(() => read('unix:run/x'), /absolute path/)
  t.throws(() => read(`unix:/${'x'.repeat(200)}`), /a unix socket's may have at most 107/)
  t.throws(
    () => read('inet:localhost:8890'),
    /IPv4 address and a port, as in inet:127\.0\.0\.1:8890/,
  )
  t.throws(() => read('inet:8890'), /IPv4 address/)
  t.throws(() => read('inet:[::1]:8890'), /IPv4 address/)
  t.throws(() => read('inet6:127.0.0.1:8890'), /IPv6 address/)
  for (const port of ['0', '65536', '99999999999999999999', '1e3', '']) {
    t.throws(() => read(`inet:127.0.0.1:${port}`), Error, `port ${port}`)
  }
})

t.test('the name of a systemd socket selects its interface', async (t) => {
  const own = { LISTEN_PID: String(process.pid) }
  t.same(inheritedSockets({}), [])
  t.same(inheritedSockets({ LISTEN_PID: '1', LISTEN_FDS: '1' }), [], "somebody else's")
  t.same(inheritedSockets({ ...own, LISTEN_FDS: '1' }), ['qmail'])
  const named = (names: string, count = names.split(':').length) =>
    inheritedSockets({ ...own, LISTEN_FDS: String(count), LISTEN_FDNAMES: names })
  t.same(named('onescand.socket'), ['qmail'])
  t.same(named('milter'), ['milter'])
  t.same(named('milter:onescand.socket:onescand-milter.socket'), ['milter', 'qmail', 'milter'])
  t.throws(() => named('a.socket:b.socket'), /FileDescriptorName= of the others to milter/)
  t.same(named('clamd-tls:clamd-mail-tls:clamd'), ['clamd-tls', 'clamd-mail-tls', 'clamd'])
  t.same(named('http:slot'), ['http', 'qmail'])
  t.throws(() => named('onescan-http.socket:http'), /onescand has only one address for its page/)
  t.throws(() => named('', 2), { name: 'Fault', kind: 'config' })
})
