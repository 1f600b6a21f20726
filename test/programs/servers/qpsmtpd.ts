import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { deliveries, makeMaildir, standInQueue } from '../../stand-in/stand-in.ts'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { type Ending, type Server, startServer } from '../host/server.ts'

/** Why its tests are skipped; false where everything is there. */
export const qpsmtpdMissing: string | false = lacks('qpsmtpd-forkserver', 'swaks', 'root')

/**
 * Makes a directory with a configuration for user nobody and `program` in the place of qmail-queue
 * (qpsmtpd's plugin queue/qmail-queue). That user must be able to reach the program, whose path may
 * hold only `/`, letters, digits, `.`, `-`, `_`.
 */
function configureQpsmtpd(
  t: Ending,
  program: string,
  plugins: readonly string[] = [],
): { directory: string; config: string } {
  const directory = openDirectory(t)
  const config = join(directory, 'config')
  const spool = join(directory, 'spool')
  const files = {
    plugins: ['rcpt_ok', ...plugins, `queue/qmail-queue ${program}\n`].join('\n'),
    rcpthosts: 'example.org\n',
    me: 'mx.example.org\n',
    plugin_dirs: '/usr/share/qpsmtpd/plugins\n',
    spool_dir: `${spool}\n`,
    loglevel: '6\n',
  }
  mkdirSync(config)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(config, name), text)
  mkdirSync(spool, { mode: 0o700 }) // qpsmtpd refuses any other mode
  const { uid, gid } = nobody()
  chownSync(spool, uid, gid)
  return { directory, config }
}

/**
 * Starts qpsmtpd on a free port of 127.0.0.1, as user nobody, with `program` in the place of
 * qmail-queue.
 */
export async function startQpsmtpd(
  t: Ending,
  setup: {
    readonly program: string
    /** The environment of the program. Its PATH becomes that of qpsmtpd. */
    readonly environment: NodeJS.ProcessEnv
    /** Lines of its configuration, for mail that is to be queued. */
    readonly plugins?: readonly string[]
  },
): Promise<Server & { readonly port: number }> {
  const { directory, config } = configureQpsmtpd(t, setup.program, setup.plugins)
  const port = await freePort()
  const server = await startServer(
    ['qpsmtpd-forkserver', '-l', '127.0.0.1', '-p', String(port), '-u', 'nobody', '-H'],
    /Running as user nobody/,
    { cwd: directory, env: { ...setup.environment, QPSMTPD_CONFIG: config } },
  )
  t.teardown(server.stop)
  return { ...server, port }
}

/**
 * qpsmtpd as a program for tcpserver or the gate, in the place of qmail-smtpd: a session on
 * descriptors 0 and 1, the client by TCPREMOTEIP.
 */
export function qpsmtpdSession(
  t: Ending,
  program: string,
): { words: readonly string[]; environment: NodeJS.ProcessEnv } {
  const { directory, config } = configureQpsmtpd(t, program)
  const script =
    'use Qpsmtpd::TcpServer; use IO::Socket; $| = 1; my $q = Qpsmtpd::TcpServer->new; ' +
    '$q->load_plugins; $q->start_connection; $q->run(IO::Socket->new_from_fd(0, "r+"))'
  return {
    words: ['/bin/sh', '-c', 'cd "$0" && exec perl -e "$1"', directory, script],
    environment: { QPSMTPD_CONFIG: config },
  }
}

/** A stand-in qmail-queue for qpsmtpd, and the number of messages that it took. */
export function queueOfNobody(t: Ending): {
  program: string
  MAILDIR: string
  delivered: () => number
} {
  const directory = openDirectory(t)
  const program = join(directory, 'qmail-queue')
  copyFileSync(standInQueue(), program)
  chmodSync(program, 0o755)
  const { path: MAILDIR } = makeMaildir(directory)
  const { uid, gid } = nobody()
  for (const part of ['', 'tmp', 'new', 'cur', 'envelopes']) {
    chownSync(join(MAILDIR, part), uid, gid)
  }
  return { program, MAILDIR, delivered: () => deliveries(MAILDIR).length }
}

/** The user that qpsmtpd becomes. */
export function nobody(): { uid: number; gid: number } {
  const id = (what: string) => Number(execFileSync('id', [what, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
