import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkListeners } from '../../../../src/cli/check/shared/listeners.ts'
import type { Environment } from '../../../../src/ground/settings/settings.ts'
import { host } from './host.ts'

/** Check looks at the owners of the sockets of onescan-quotad and of the page. */

/** Listens as some user at a UDP or TCP port of 127.0.0.1, or at a path. Prints the port. */
const LISTEN = `
  my ($uid, $proto, $path) = @ARGV;
  $) = "$uid $uid"; $( = $uid; ($<, $>) = ($uid, $uid);
  my $socket = $proto eq 'unix' ? IO::Socket::UNIX->new(Local => $path, Listen => 5)
    : IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => $proto, $proto eq 'tcp' ? (Listen => 5) : ());
  $socket or die "$!"; $| = 1;
  print $proto eq 'unix' ? "$path\\n" : $socket->sockport . "\\n"; sleep 600`
const MALLORY = 54_321

async function listen(t: Test, uid: number, proto: 'udp' | 'tcp' | 'unix', path = '') {
  const words = ['-MIO::Socket', '-e', LISTEN, String(uid), proto, path]
  const child = spawn('/usr/bin/perl', words, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' })
  t.teardown(() => child.kill('SIGKILL'))
  const [said] = await once(child.stdout, 'data')
  return String(said).trim()
}

const look = (env: Environment, ...words: string[]) => checkListeners(host(env), words)

const notRoot = { skip: process.getuid?.() !== 0 && 'run as root' }
const held = (service: string) =>
  `is held by stranger, who is neither root nor the account of ${service}`

t.test('a port that root holds for a service is well', notRoot, async (t) => {
  const [udp, tcp] = [await listen(t, 0, 'udp'), await listen(t, 0, 'tcp')]
  t.same(look({ QUOTAD: `quotad:127.0.0.1:${udp}` }), [])
  t.same(look({ QUOTAD: `http://localhost:${tcp}/cgi-bin/quota.cgi` }), [])
  t.same(look({}, '--http', `inet:127.0.0.1:${tcp}`), [])
})

// promise: root-taken-port
t.test('a port that another user holds is an error', notRoot, async (t) => {
  const [udp, tcp] = [await listen(t, MALLORY, 'udp'), await listen(t, MALLORY, 'tcp')]
  for (const QUOTAD of [
    `quotad:127.0.0.1:${udp}`,
    `udp:localhost:${udp}`,
    `http://127.0.0.1:${tcp}/cgi-bin/quota.cgi`,
  ]) {
    t.match(look({ QUOTAD }), [{ level: 'error', what: 'QUOTAD', value: held('onescan-quotad') }])
  }
  t.match(look({}, `--http=inet:127.0.0.1:${tcp}`), [
    { level: 'error', what: `page inet:127.0.0.1:${tcp}`, value: held('onescand') },
  ])
})

t.test('a socket with a path that another user holds is an error', notRoot, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-listener-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  chmodSync(directory, 0o1777)
  const path = await listen(t, MALLORY, 'unix', join(directory, 'page.sock'))
  t.match(look({}, '--http', `unix:${path}`), [{ level: 'error', value: held('onescand') }])
})

t.test('services of other hosts, and invalid settings, are left to other checks', async (t) => {
  t.same(look({ QUOTAD: 'quotad:192.0.2.10:8625' }), [])
  t.same(look({ QUOTAD: 'nonsense' }), [])
  t.same(look({}, '--http', 'nonsense'), [])
})
