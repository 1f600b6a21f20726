import t from 'tap'
import { Fault } from '../../../../../src/base/errors/fault.ts'
import { readClamdAddress } from '../../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'

t.test('an absolute path is a unix socket, also with colons in it', async (t) => {
  t.match(readClamdAddress('/run/clamav/clamd.ctl'), {
    kind: 'unix',
    path: '/run/clamav/clamd.ctl',
  })
  t.match(readClamdAddress('/run/a:3310'), { kind: 'unix', path: '/run/a:3310' })
})

t.test('the error of a path that is too long for a socket states the limit', async (t) => {
  const path = `/${'x'.repeat(107)}`
  t.match(readClamdAddress(path.slice(0, -1)), { kind: 'unix' })
  t.throws(() => readClamdAddress(path), {
    kind: 'config',
    message: /^CLAMD \/x+: the path has 108 bytes, but a unix socket's may have at most 107$/,
  })
})

t.test('host:port and [v6 address]:port are TCP', async (t) => {
  for (const [text, host, port] of [
    ['127.0.0.1:3310', '127.0.0.1', 3310],
    ['clamd.example.org:1', 'clamd.example.org', 1],
    ['[::1]:65535', '::1', 65_535],
    ['[fe80::1%eth0]:3310', 'fe80::1%eth0', 3310],
  ] as const) {
    t.match(readClamdAddress(text), { kind: 'tcp', host, port, text })
  }
})

t.test('tls:// before host:port needs the files of a certificate', async (t) => {
  t.throws(() => readClamdAddress('tls://scan1:3312'), {
    kind: 'config',
    message: 'CLAMD tls://scan1:3312: set CLAMDCERT, CLAMDKEY and CLAMDCA; TLS needs all three',
  })
})

t.test('any other address is a fault that names the value and the forms', async (t) => {
  for (const text of [
    '',
    'clamd.sock',
    './clamd.sock',
    'host',
    'host:',
    ':3310',
    'host:0',
    'host:65536',
    'host:http',
    'host:3310*2',
    '::1:3310',
    '[::1]',
    '/run/\0',
    'tls://scan1',
    'tls:///run/clamav/clamd.ctl',
    'tls:scan1:3312',
    'https://scan1:3312',
  ]) {
    try {
      readClamdAddress(text)
      t.fail(JSON.stringify(text))
    } catch (error) {
      t.match(error, { kind: 'config', message: /^CLAMD=".*": must be an absolute socket path/ })
      t.ok(error instanceof Fault && error.message.includes(text))
    }
  }
})
