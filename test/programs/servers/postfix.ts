import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { atExit } from '../host/at-exit.ts'
import { freePort } from '../host/free-port.ts'
import { isRunning } from '../host/is-running.ts'
import type { Ending } from '../host/server.ts'

/** Why its tests are skipped; false where everything is there. */
export const postfixMissing: string | false = lacks('postfix', 'root')

export interface Postfix {
  /** Where it takes mail, on 127.0.0.1. */
  readonly port: number
  /** Its queue directory, in which its programs run. */
  readonly queue: string
  /** The process id of its master(8), which has started all its processes. */
  readonly pid: number
  /** Its log so far. */
  log(): string
  /** Queues a message as local programs do: sendmail(1) with these words, the message on stdin. */
  submit(message: Buffer, ...words: string[]): void
  /** The number of messages that it has not passed on yet. */
  queued(): number
  /** Sends all that is in its hold queue. */
  letGo(): void
}

interface PostfixSetup {
  /**
   * Returns the lines of master.cf for the service that takes mail at this port; without it the
   * service has no options.
   */
  readonly smtpd?: (port: number) => string
  /** Further lines of master.cf. */
  readonly services?: string
  /** Words before the command that starts it, as those of nsenter(1). */
  readonly around?: readonly string[]
}

/** All that a message needs from one SMTP connection to the next. */
const standardServices = `
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
showq unix n - n - - showq
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`

/** What post-install(1) makes: owner, group, mode, names. */
const directories: readonly (readonly [string, string, string, ...string[]])[] = [
  ['root', 'root', '755', 'etc', 'spool', 'spool/pid'],
  ['postfix', 'root', '700', 'data', 'spool/active', 'spool/bounce', 'spool/corrupt'],
  ['postfix', 'root', '700', 'spool/defer', 'spool/deferred', 'spool/flush', 'spool/hold'],
  ['postfix', 'root', '700', 'spool/incoming', 'spool/private', 'spool/saved', 'spool/trace'],
  ['postfix', 'postdrop', '730', 'spool/maildrop'],
  ['postfix', 'postdrop', '710', 'spool/public'],
]

/**
 * Starts a Postfix apart from one that the host has. It sends all its mail to a port of 127.0.0.1, or discards it.
 * `main` are settings of main.cf.
 */
export async function startPostfix(
  t: Ending,
  relayPort: number | 'nowhere',
  main: Readonly<Record<string, string>> = {},
  { smtpd, services = '', around = [] }: PostfixSetup = {},
): Promise<Postfix> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-postfix-'))
  const at = (name: string) => join(directory, name)
  const port = await freePort()
  const settings = {
    compatibility_level: '3.6',
    queue_directory: at('spool'),
    data_directory: at('data'),
    command_directory: '/usr/sbin',
    daemon_directory: '/usr/lib/postfix/sbin',
    mail_owner: 'postfix',
    setgid_group: 'postdrop',
    myhostname: 'client.example.org',
    mydestination: '',
    local_recipient_maps: '',
    alias_maps: '',
    mynetworks: '127.0.0.0/8',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    ...(relayPort === 'nowhere'
      ? { default_transport: 'discard:' }
      : { relayhost: `[127.0.0.1]:${relayPort}` }),
    maillog_file: at('log'),
    maillog_file_prefixes: directory,
    ...main,
  }
  chmodSync(directory, 0o755)
  for (const [owner, group, mode, ...names] of directories) {
    execFileSync('install', ['-d', '-o', owner, '-g', group, '-m', mode, '--', ...names.map(at)])
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(at('etc/main.cf'), lines.join(''))
  const ofClients = smtpd?.(port) ?? `127.0.0.1:${port} inet n - n - - smtpd`
  writeFileSync(at('etc/master.cf'), `${ofClients}\n${services}${standardServices}`)

  // postfix(1) does the same, but looks over the installation first, by a hundred processes.
  const start = [...around, '/usr/lib/postfix/sbin/master', '-c', at('etc'), '-w']
  execFileSync(start[0]!, start.slice(1)) // returns when it listens
  const pid = Number(readFileSync(at('spool/pid/master.pid'), 'latin1'))
  const stop = () => {
    withdraw()
    process.kill(pid, 'SIGTERM')
    const pause = new Int32Array(new SharedArrayBuffer(4))
    while (isRunning(pid)) Atomics.wait(pause, 0, 0, 5)
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 }) // its processes end, too
  }
  const withdraw = atExit(stop)
  t.teardown(stop)
  return {
    port,
    queue: at('spool'),
    pid,
    log: () => (existsSync(at('log')) ? readFileSync(at('log'), 'utf8') : ''), // until its first line
    submit(message, ...words) {
      // Not the one of the PATH, which may be another MTA's.
      execFileSync('/usr/sbin/sendmail', ['-C', at('etc'), ...words], { input: message })
    },
    queued: () =>
      execFileSync('postqueue', ['-c', at('etc'), '-j'])
        .toString()
        .split('\n').length - 1,
    letGo() {
      execFileSync('postsuper', ['-c', at('etc'), '-H', 'ALL'], { stdio: 'ignore' })
      execFileSync('postqueue', ['-c', at('etc'), '-f'])
    },
  }
}
