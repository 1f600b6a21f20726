import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { qpsmtpdMissing, queueOfNobody, startQpsmtpd } from '../servers/qpsmtpd.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import { bySmtp, type ClamdClient, IN_OPENPGP, pathOf, startWith } from './client.ts'

/** Mail servers and content filters that take mail by SMTP, and ask clamd about it. */

const ACCOUNT = 'amavis'

const amavis: ClamdClient = {
  name: 'amavis',
  missing: lacks('amavisd'),
  asksBy: 'unix',
  evasion: IN_OPENPGP,
  async start(t, place) {
    const directory = openDirectory(t)
    const port = await freePort()
    const receiver = await startReceiver(t)
    const id = (flag: string) => Number(execFileSync('id', [flag, ACCOUNT], { encoding: 'utf8' }))
    for (const name of ['home', 'home/tmp', 'home/db']) {
      mkdirSync(join(directory, name))
      chownSync(join(directory, name), id('-u'), id('-g'))
      chmodSync(join(directory, name), 0o750)
    }
    const config = join(directory, 'amavisd.conf')
    writeFileSync(config, ofAmavis(join(directory, 'home'), port, receiver.port, pathOf(place)))
    await startWith(t, ['amavisd', '-c', config, 'foreground'], { port, host: '127.0.0.1' })
    return bySmtp(port)
  },
}

/** `MAIL` has the whole mail stand among its parts. */
const ofAmavis = (home: string, port: number, next: number, clamd: string) => `
use strict;
$daemon_user = '${ACCOUNT}'; $daemon_group = '${ACCOUNT}';
$MYHOME = '${home}'; $TEMPBASE = "$MYHOME/tmp"; $db_home = "$MYHOME/db"; $helpers_home = $MYHOME;
$pid_file = "$MYHOME/pid"; $lock_file = "$MYHOME/lock"; $QUARANTINEDIR = undef;
$myhostname = 'mx.example.org'; $mydomain = 'example.org';
$enable_db = 0; $max_servers = 1; $max_requests = 10_000; $DO_SYSLOG = 0; $log_level = 0;
$inet_socket_port = ${port}; $inet_socket_bind = '127.0.0.1';
$forward_method = 'smtp:[127.0.0.1]:${next}'; $notify_method = $forward_method;
@bypass_spam_checks_maps = (1); @bypass_banned_checks_maps = (1); @bypass_header_checks_maps = (1);
$final_virus_destiny = D_REJECT; $virus_admin = undef; $virus_scanners_failure_is_fatal = 1;
@keep_decoded_original_maps = (new_RE(qr'^MAIL$'));
@av_scanners = (['ClamAV-clamd', \\&ask_daemon, ['{}/*', 'clamd:${clamd}'],
  qr/\\bOK$/m, qr/\\bFOUND$/m, qr/^.*?: (?!Infected Archive)(.*) FOUND$/m]);
@av_scanners_backup = ();
1;
`

const qpsmtpd: ClamdClient = {
  name: 'qpsmtpd',
  missing: qpsmtpdMissing,
  asksBy: 'unix',
  namesFiles: true,
  evasion: IN_OPENPGP,
  async start(t, place) {
    const { program, MAILDIR } = queueOfNobody(t)
    // The plugin cuts the path before any sign but letters, digits, `_`, `.` and `/`.
    const directory = mkdtempSync('/tmp/clamd')
    t.teardown(() => rmSync(directory, { recursive: true }))
    chmodSync(directory, 0o755)
    const socket = join(directory, 'socket')
    symlinkSync(pathOf(place), socket)
    const { port } = await startQpsmtpd(t, {
      program,
      environment: { ...process.env, MAILDIR },
      plugins: [`virus/clamdscan clamd_socket ${socket} defer_on_error yes max_size 100000`],
    })
    return bySmtp(port)
  },
}

export const serverClients: readonly ClamdClient[] = [amavis, qpsmtpd]
