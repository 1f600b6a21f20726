import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** A qmail-queue that is the stand-in, and delivers to a Maildir of the host. */
const QUEUE = `#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
  setenv("MAILDIR", "/var/mail-here", 1);
  execv("/var/qmail/bin/stand-in", words);
  return 120;
}`

/** Puts stand-ins for qmail-smtpd and qmail-queue in the places of the real ones, in a host with this root directory. */
export function placeStandIns(directory: string): void {
  const bin = join(directory, 'var/qmail/bin')
  mkdirSync(bin, { recursive: true })
  const smtpd = join(bin, 'qmail-smtpd')
  copyFileSync(join(root, 'tools/first-hour/qmail-smtpd.pl'), smtpd)
  chmodSync(smtpd, 0o755)
  const compile = (target: string, source: string) =>
    execFileSync('cc', ['-O2', '-static', '-o', join(bin, target), source])
  compile('stand-in', join(root, 'test/stand-in/qmail-queue.c'))
  const source = join(directory, 'tmp/queue.c')
  writeFileSync(source, QUEUE)
  compile('qmail-queue', source)
}

/** Packages of each host with qmail. */
export const DAEMONTOOLS = 'daemontools-run daemontools ucspi-tcp perl'

/** Life with qmail's run script. */
const QMAIL_RUN = `#!/bin/sh
QMAILDUID=\`id -u qmaild\`
NOFILESGID=\`id -g qmaild\`
exec softlimit -m 20000000 \\
    tcpserver -v -R -H -l 0 -x /etc/tcp.smtp.cdb -c 20 \\
        -u "$QMAILDUID" -g "$NOFILESGID" 0 25 /var/qmail/bin/qmail-smtpd 2>&1
`
/** A host with a stand-in qmail below daemontools. */
export const QMAIL = `for group in nofiles qmail; do groupadd $group; done
  useradd -M -g nofiles -d /var/qmail -s /usr/sbin/nologin qmaild
  for user in qmailq qmails qmaill; do useradd -M -g qmail -d /var/qmail -s /usr/sbin/nologin $user; done
  mkdir -p /var/qmail/control /var/mail-here/tmp /var/mail-here/new /var/mail-here/cur /var/mail-here/envelopes
  echo mail.example.org >/var/qmail/control/me; chmod 777 /var/mail-here/*
  chown qmailq:qmail /var/qmail/bin/qmail-queue; chmod 4711 /var/qmail/bin/qmail-queue
  echo :allow >/etc/tcp.smtp; tcprules /etc/tcp.smtp.cdb /etc/tcp.smtp.tmp </etc/tcp.smtp
  ln -sfn /etc/service /service; mkdir -p /service/qmail-smtpd/log; install -d -o qmaill /var/log/qmail/smtpd
  printf '#!/bin/sh\\nexec setuidgid qmaill multilog t /var/log/qmail/smtpd\\n' >/service/qmail-smtpd/log/run
  cat >/service/qmail-smtpd/run <<'END'
${QMAIL_RUN}END
  chmod 755 /service/qmail-smtpd/run /service/qmail-smtpd/log/run; systemctl enable daemontools-run`
