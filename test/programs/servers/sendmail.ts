import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { type Ending, startServer } from '../host/server.ts'
import { sendmailProgram, sendmailRoot } from '../host/unpack.mjs'

/** Why its tests are skipped; false where everything is there. */
export const sendmailMissing: string | false = lacks('Sendmail', 'm4', 'mounts')

export interface Sendmail {
  /** Where it takes mail, on 127.0.0.1. */
  readonly port: number
  /** Returns how much mail it has not delivered. */
  queued(): number
}

/** Makes a map of lines `key<Tab>value` at a path, and returns the words that name it to a FEATURE. */
export function makeMap(path: string, lines: readonly string[]): string {
  const program = join(sendmailRoot, 'usr/libexec/sendmail/makemap')
  const env = { ...process.env, LD_LIBRARY_PATH: libraries() }
  execFileSync(program, ['-C', '/dev/null', 'hash', path], {
    env,
    input: `${lines.join('\n')}\n`,
    stdio: 'pipe',
  })
  return `hash -T<TMPF> -o ${path}`
}

/**
 * Returns the line of sendmail.mc for a milter, whose address is in Postfix's form. If the milter
 * is missing or fails, mail is deferred (F=T).
 */
export function inputMailFilter(name: string, address: string): string {
  const [, host = '', port = ''] = /^inet:(.*):(\d+)$/.exec(address) ?? []
  const socket = port ? `inet:${port}@${host}` : address.replace(/^unix:/, 'local:')
  return `INPUT_MAIL_FILTER(\`${name}', \`S=${socket}, F=T')dnl`
}

/**
 * Starts a Sendmail apart from one that the host has. It sends all its mail to a port of 127.0.0.1.
 * `configuration` is the part of sendmail.mc that a postmaster writes, `appended` what is appended to the file.
 */
export async function startSendmail(
  t: Ending,
  relayPort: number,
  configuration = '',
  appended = '',
): Promise<Sendmail> {
  const directory = openDirectory(t)
  const at = (name: string) => join(directory, name)
  const port = await freePort()
  chmodSync(directory, 0o755)
  mkdirSync(at('queue'), { mode: 0o700 })
  writeFileSync(at('helpfile'), '')
  writeFileSync(at('local-host-names'), '')
  writeFileSync(
    at('sendmail.mc'),
    `${masterFile(directory, port, relayPort)}${configuration}${MAILER}${appended}`,
  )
  writeFileSync(at('sendmail.cf'), compile(at('sendmail.mc')))
  // It sleeps for a minute where its host has no full name, so it sees a hosts file of its own.
  writeFileSync(at('hosts'), `127.0.0.1 sendmail.example.org ${hostname()} localhost\n`)
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"'
  // Without -q: a queue runner would hide a delivery that fails at the first attempt.
  const program = [sendmailProgram, '-C', at('sendmail.cf'), '-bD']
  const command = ['unshare', '--mount', '/bin/sh', '-c', script, at('hosts'), ...program]
  const env = { ...process.env, LD_LIBRARY_PATH: libraries() }
  const { stop } = await startServer(command, { port, host: '127.0.0.1' }, { env })
  t.teardown(stop)
  const queued = () => readdirSync(at('queue')).filter((name) => name.startsWith('qf')).length
  return { port, queued }
}

/**
 * Returns the beginning of a sendmail.mc, by which nothing outside of the directory is read or
 * written. Sockets of milters may lie in /tmp.
 */
function masterFile(directory: string, port: number, relayPort: number): string {
  return `divert(0)dnl
include(\`../m4/cf.m4')dnl
OSTYPE(\`linux')dnl
define(\`confDOMAIN_NAME', \`sendmail.example.org')dnl
define(\`confPID_FILE', \`${directory}/pid')dnl
define(\`QUEUE_DIR', \`${directory}/queue')dnl
define(\`STATUS_FILE', \`${directory}/statistics')dnl
define(\`HELP_FILE', \`${directory}/helpfile')dnl
define(\`confCW_FILE', \`${directory}/local-host-names')dnl
define(\`confSERVICE_SWITCH_FILE', \`${directory}/service.switch')dnl
define(\`confDONT_BLAME_SENDMAIL', \`GroupWritableDirPathSafe,TrustStickyBit')dnl
define(\`confDONT_PROBE_INTERFACES', \`true')dnl
undefine(\`ALIAS_FILE')dnl
define(\`confCONNECTION_RATE_THROTTLE', \`0')dnl
define(\`confQUEUE_LA', \`1000')dnl
define(\`confREFUSE_LA', \`1000')dnl
define(\`confMIN_QUEUE_AGE', \`0')dnl
define(\`SMART_HOST', \`relay:[127.0.0.1]')dnl
define(\`RELAY_MAILER_ARGS', \`TCP $h ${relayPort}')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
RELAY_DOMAIN(\`127.0.0.1')dnl
FEATURE(\`no_default_msa')dnl
DAEMON_OPTIONS(\`Name=MTA, Family=inet, Addr=127.0.0.1, Port=${port}')dnl
`
}

/** What a sendmail.mc ends with: m4 takes no FEATURE behind it. */
const MAILER = "\nMAILER(`smtp')dnl\n"

function compile(master: string): Buffer {
  return execFileSync('m4', [master], { cwd: join(sendmailRoot, 'usr/share/sendmail/cf/cf') })
}

/** Those that were unpacked with it, since the machine lacks them. */
function libraries(): string {
  const parent = join(sendmailRoot, 'usr/lib')
  if (!existsSync(parent)) return '' // it lacks none
  return readdirSync(parent)
    .map((name) => join(parent, name))
    .join(':')
}
