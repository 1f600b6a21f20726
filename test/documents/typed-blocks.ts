/** What a test types of the pages on an installed host, and why it does not type the rest. */

/** A host with a mail server, on which blocks are typed one after the other. */
export type PageHost = 'Postfix' | 'Exim' | 'Sendmail' | 'clamav-milter'

/** A block that is typed, and what then must be seen. */
export interface TypedBlock {
  readonly page: string
  /** How it begins. */
  readonly begins: string
  /** Postfix by default. */
  readonly on?: PageHost
  /** What is typed before, as a host has it that comes so far. */
  readonly before?: string
  /** The names of a page that are the reader's own, by what he has. */
  readonly own?: Readonly<Record<string, string>>
  /** What takes a block that is not commands, on standard input. */
  readonly by?: string
  /** The highest exit code; 0 by default. */
  readonly code?: number
  /** What it prints, in addition to what the page shows. */
  readonly prints?: RegExp
  /** Whether the host is booted once more before `shows`. */
  readonly reboots?: true
  /** A command, and what it prints afterwards. */
  readonly shows?: readonly [string, RegExp]
}

const EICAR = `printf '%s%s' 'X5O!P%@AP[4\\PZX54(P^)7CC)7}' '$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'`
const EICAR_MAIL = `{ printf 'Subject: x\\n\\n'; ${EICAR}; echo; }`
const SEND_EICAR = `${EICAR_MAIL} | sendmail -f ann@example.net you@example.org`
const kept = 'onescan quarantine list --json | sed -n \'s/.*"id":"\\([^"]*\\)".*/\\1/p\' | head -1'
const ID = { ID: `$(${kept})` }
/** Mail is kept some seconds after it was handed in: until then there is none. */
const KEEP_ONE = `${SEND_EICAR}; for i in $(seq 100); do onescan quarantine list >/dev/null && break; sleep 0.2; done`
const LINES_OF_DEFAULTS = 'cat >>/etc/default/onescand; systemctl restart onescand'
const MAIL = `printf 'From: ann@example.org\\nSubject: x\\n\\nhello\\n'`
/** An SMTP service of qmail under supervise, as Life with qmail sets it up, at a port that is free. */
const QMAIL_SERVICE = `useradd -M qmaild; echo ':allow' >/etc/tcp.smtp; tcprules /etc/tcp.smtp.cdb /etc/tcp.smtp.tmp </etc/tcp.smtp
  mkdir -p /service/qmail-smtpd /var/qmail/bin; ln -sf /bin/true /var/qmail/bin/qmail-smtpd; ln -sf /bin/true /var/qmail/bin/qmail-queue; cat >/service/qmail-smtpd/run <<'END'
#!/bin/sh
QMAILDUID=\`id -u qmaild\`
NOFILESGID=\`id -g qmaild\`
exec softlimit -m 20000000 \\
  tcpserver -v -R -l 0 -x /etc/tcp.smtp.cdb \\
    -u "$QMAILDUID" -g "$NOFILESGID" 127.0.0.1 2500 /var/qmail/bin/qmail-smtpd 2>&1
END
  chmod 755 /service/qmail-smtpd/run; systemd-run --unit=svscan svscan /service
  for i in $(seq 100); do ss -ltn | grep -q :2500 && break; sleep 0.1; done`
/** rspamd and onescan at the names and ports of containers, with the variable of docker-mailserver. */
const NEIGHBOURS = `cp /etc/postfix/main.cf main.cf; echo '127.0.0.1 rspamd onescan' >>/etc/hosts; echo 'rspamd_milter = inet:rspamd:9900' >>/etc/postfix/main.cf
  (umask 022; echo 'bind_socket = "127.0.0.1:9900";' >/etc/rspamd/local.d/worker-proxy.inc
    echo 'dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }' >/etc/rspamd/local.d/options.inc); systemctl restart rspamd
  echo 'ONESCAND_OPTIONS="--milter inet:127.0.0.1:8890"' >>/etc/default/onescand; systemctl restart onescand
  for port in 9900 8890; do for i in $(seq 600); do ss -ltn | grep -q ":$port " && break; sleep 0.1; done; done`
/** mx1, as scp sees it: a server of SSH that shows a directory, in which its keyring is. */
const MX1 = `mkdir -p /srv/mx1/etc/onescan /run/sshd /root/.ssh; cp -rp /etc/onescan/keys /srv/mx1/etc/onescan
  rm /etc/onescan/keys/clusterkeys; sed -i '/^CLUSTERKEYS=/d' /etc/default/onescand
  ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys; chmod -R go= /root/.ssh
  printf 'ListenAddress 127.0.0.3\\nChrootDirectory /srv/mx1\\nForceCommand internal-sftp\\n' >/etc/ssh/sshd_config.d/mx1.conf
  echo '127.0.0.3 mx1' >>/etc/hosts; ssh-keygen -A; systemctl restart ssh; ssh-keyscan mx1 >/root/.ssh/known_hosts`
/** Two scanners on this host, which becomes a mail host: each is an onescand with the certificate of its name. */
const SCANNERS = `cd /root/scanners; sed -i '/^ONESCAND_OPTIONS=.*tls/d; s/scan1\\.example/mx1.example/' /etc/default/onescand
  install -m 644 mx1.example.org.crt /etc/onescan/keys/; install -m 640 -g onescan-keys mx1.example.org.key /etc/onescan/keys/; systemctl restart onescand
  for n in 1 2; do
    echo "127.0.0.1$n scan$n.example.org" >>/etc/hosts; install -d -o onescan /run/scanner$n
    install -m 640 -g onescan-keys scan$n.example.org.crt scan$n.example.org.key /etc/onescan/keys/
    systemd-run --unit=scanner$n -p User=onescan -E QHPSI='plugin: clamd' -E CLAMDCA=/etc/onescan/keys/ca.crt -E CLAMDCERT=/etc/onescan/keys/scan$n.example.org.crt \\
      -E CLAMDKEY=/etc/onescan/keys/scan$n.example.org.key onescand --socket /run/scanner$n/socket --clamd tls:127.0.0.1$n:3312
  done; for n in 1 2; do for i in $(seq 100); do ss -ltn | grep -q "127.0.0.1$n:3312" && break; sleep 0.1; done; done`
/** check is patient: services have just been started. */
const REFUSED = /^ok +port 25, EICAR: (?:is )?refused/m

/** The test on a host after all of its blocks. */
export const CHECK_OF_PAGES = 'check has nothing against what the pages set up'

export const typed: readonly TypedBlock[] = [
  {
    page: 'README.md',
    begins: "timeout 600 sh -c 'until ls /var/lib/clamav/main",
    own: { 'main.c?d': 'test.ndb', 'daily.c?d': 'test.ndb' },
    code: 2, // the mail server is not connected yet
    prints: /^ok +clamd /m,
  },
  {
    page: 'README.md',
    begins: `echo 'REJECTVIRUS="1"' >>/etc/default/onescand\nsystemctl restart onescand\nsh /usr`,
    code: 1,
    prints: REFUSED,
    reboots: true,
    shows: ['onescan check --mail you@example.org', REFUSED],
  },
  {
    page: 'doc/daily-work.md',
    begins: 'onescan: decision=accept',
    before: `${MAIL} | sendmail -f ann@example.net you; for i in $(seq 50); do grep -qs hello /var/mail/you && break; sleep 0.1; done`,
    by: 'cat >page; journalctl --sync; journalctl -u onescand -o cat | grep decision=accept | tail -1 >log; for field in $(grep -o "[a-z_]*=" page); do case $field in sign_ms=|key=) ;; *) grep -q " $field" log || echo $field is not there; esac; done; cat log',
    prints: /^(?!.* is not there)onescan: (?:program=\w+ )?decision=accept scan=clean/,
    shows: ['cat /var/mail/you', /^X-QHPSI: clean$/m],
  },
  {
    page: 'doc/exim.md',
    begins: 'systemctl enable onescan-clamd.socket',
    reboots: true,
    shows: [
      `printf 'TCPAddr 127.0.0.1\\nTCPSocket 3311\\n' >asks; ${EICAR} >e; clamdscan --stream --config-file=asks e`,
      /FOUND$/m,
    ],
  },
  {
    page: 'doc/clamd-clients.md',
    begins: 'systemctl enable onescan-clamd.socket',
    shows: ['onescan check --daemon', /open: .*clamd inet:127\.0\.0\.1:3311/],
  },
  {
    page: 'doc/clamd-clients.md',
    begins: `systemctl enable onescan-clamd.socket\necho 'SCANFAIL_CLAMD="limit"'`,
    shows: ['onescan check --daemon', /SCANFAIL_CLAMD="limit"/],
  },
  {
    page: 'doc/postfix.md',
    begins: `echo 'REJECTVIRUS="1"' >>/etc/default/onescand\nsystemctl restart onescand\nsh /usr/share/onescan/examples/postfix/postfix-milter`,
    code: 1,
    prints: /^postfix-milter: already configured; nothing to do$/m,
  },
  ...[
    'smtpd_milters = inet:rspamd:9900 inet:onescan',
    'smtpd_milters = $rspamd_milter inet:onescan',
  ].map((begins) => ({
    page: 'doc/containers.md',
    begins,
    before: NEIGHBOURS,
    by: 'cat >>/etc/postfix/main.cf; systemctl restart postfix',
    shows: [
      `onescan check --mail you@example.org; cp main.cf /etc/postfix/main.cf; sed -i '/ rspamd onescan$/d' /etc/hosts; systemctl restart postfix
          sed -i '/^ONESCAND_OPTIONS=/d' /etc/default/onescand; systemctl restart onescand; systemctl stop rspamd`,
      // rspamd's antivirus module, which an earlier block connects to onescand, refuses EICAR first.
      /^ok +port 25, clean mail: is scanned by the milter interface, and accepted$[\s\S]*^no problems found$/m,
    ] as const,
  })),
  {
    page: 'doc/install.md',
    begins: 'AlertExceedsMax yes',
    by: "sed -i '/^AlertExceedsMax/d' /etc/clamav/clamd.conf; cat >>/etc/clamav/clamd.conf; systemctl restart clamav-daemon; for i in $(seq 100); do clamdscan --ping 1 && break; done",
    shows: ['onescan check --daemon', /AlertExceedsMax .*is on/],
  },
  {
    page: 'doc/install.md',
    begins: 'postconf -n | grep',
    code: 2, // not each of these files is there
    prints: /^smtpd_milters = .*onescan[\s\S]*^\/etc\/postfix\/main\.cf$/m,
  },
  {
    page: 'doc/cluster.md',
    begins: 'onescan keygen --append',
    prints: /it makes stamps from now on/,
    shows: ['onescan check --daemon', /has .*CLUSTERKEYS="\/etc\/onescan\/keys\/clusterkeys"/],
  },
  {
    page: 'doc/cluster.md',
    begins: 'onescan keygen --rotate',
    prints: /^key \S+ is added: it verifies stamps, and \S+ still makes them\nnext: copy /m,
  },
  {
    page: 'doc/cluster.md',
    begins: 'rm /etc/onescan/keys/clusterkeys',
    prints: /is the first in .*: it makes stamps from now on/,
    shows: [
      'wc -l </etc/onescan/keys/clusterkeys; onescan check --daemon',
      /^1\n[\s\S]*^ok +keyring .*: /m,
    ],
  },
  {
    page: 'doc/cluster.md',
    begins: 'scp -p mx1:',
    before: MX1,
    shows: [
      'cmp /etc/onescan/keys/clusterkeys /srv/mx1/etc/onescan/keys/clusterkeys && stat -c "%a %G" /etc/onescan/keys/clusterkeys; onescan check --daemon',
      /^640 onescan-keys\n[\s\S]*^ok +keyring .*: /m,
    ],
  },
  {
    page: 'doc/cluster.md',
    begins: 'install -m 400 -o onescan /dev/null',
    before:
      'ip addr add 10.0.0.1/32 dev lo; cat /usr/share/onescan/examples/valkey/valkey.conf >>/etc/redis/redis.conf; systemctl restart redis-server',
  },
  {
    page: 'doc/cluster.md',
    begins: 'VERDICTS="valkey:',
    by: LINES_OF_DEFAULTS,
    shows: ['onescan check --daemon', /^ok +VERDICTS.*valkey:\/\/onescan@10\.0\.0\.1.* answers/m],
  },
  {
    page: 'doc/cluster.md',
    begins: 'mkdir -m 700 /root/scanners',
    shows: [
      'openssl verify -CAfile /root/scanners/ca.crt /root/scanners/*.org.crt',
      /scan1.*: OK\n.*scan2.*: OK$/m,
    ],
  },
  {
    page: 'doc/cluster.md',
    begins: 'install -m 644 ca.crt',
    before: 'cp /root/scanners/*.crt /root/scanners/*.key /root',
  },
  {
    page: 'doc/cluster.md',
    begins: `echo 'ONESCAND_OPTIONS="--clamd tls:0.0.0.0:3312"'`,
    shows: ['onescan check --daemon', /open: .*clamd-tls tls:0\.0\.0\.0:3312/],
  },
  {
    page: 'doc/cluster.md',
    begins: `echo 'CLAMD="tls://scan1`,
    before: SCANNERS,
    code: 1, // signatures are those of the test
    prints:
      /^ok +clamd tls:\/\/scan1\S+ AlertExceedsMax [\s\S]*^ok +clamd tls:\/\/scan2\S+ AlertExceedsMax /m,
    shows: [
      `systemctl stop scanner1; onescan check --daemon; systemctl stop scanner2; sed -i '/^CLAMD/d' /etc/default/onescand; systemctl restart onescand`,
      /^warning +clamd tls:\/\/scan1\S+ .*: the other servers of CLAMD scan its mail$[\s\S]*, and finds EICAR; /m,
    ],
  },
  {
    page: 'doc/cluster.md',
    begins: "CLAMD='/run/clamav/clamd.ctl 192",
    own: { '192.0.2.7': '10.0.0.7', '192.0.2.8': '10.0.0.8' },
    before:
      "for n in 7 8; do ip addr add 10.0.0.$n/32 dev lo; done; printf 'TCPSocket 3310\\nTCPAddr 10.0.0.7\\n' >>/etc/clamav/clamd.conf; systemctl restart clamav-daemon",
    by: LINES_OF_DEFAULTS,
    shows: [
      `onescan check --daemon; sed -i '/^TCP/d' /etc/clamav/clamd.conf; systemctl restart clamav-daemon; sed -i '/^CLAMD=/d' /etc/default/onescand; systemctl restart onescand`,
      /^ok +clamd \/run\/clamav\/clamd\.ctl .*\n[\s\S]*^ok +clamd 10\.0\.0\.7:3310 [\s\S]*^warning +clamd 10\.0\.0\.8:3310 .*: the other servers of CLAMD scan its mail$/m,
    ],
  },
  {
    page: 'doc/daily-work.md',
    begins: 'onescan log --since today --decision reject',
    before: 'journalctl --sync',
    code: 1,
    prints: /reject.*EICAR/i,
  },
  {
    page: 'doc/daily-work.md',
    begins: 'MAILTO=postmaster@example.org',
    by: "sed -n 's/^5 0 \\* \\* \\* root //p' | sh",
    prints: /messages?/i,
  },
  {
    page: 'doc/missed.md',
    begins: 'onescan log --id MESSAGE-ID --since yesterday',
    before: 'journalctl --sync',
    code: 1, // there is none
  },
  {
    page: 'doc/missed.md',
    begins: 'onescan scan - <mail.eml',
    before: `${MAIL} >mail.eml`,
    prints: /1 clean/,
  },
  {
    page: 'doc/refused.md',
    begins: 'onescan log --since 7d --decision reject --from ann@example.net',
    before: 'journalctl --sync',
    code: 1, // there may be none
  },
  {
    page: 'doc/deferred.md',
    begins: 'onescan log --since 1h --decision defer',
    before: 'journalctl --sync',
    code: 1, // of check; the log may have nothing
    prints: /^ok /m,
  },
  {
    page: 'doc/monitoring.md',
    begins: `echo 'ONESCAND_OPTIONS="--http`,
    shows: [
      'for i in $(seq 50); do curl -sf http://127.0.0.1:9808/healthz && break; sleep 0.2; done',
      /EICAR was found/,
    ],
  },
  {
    page: 'doc/monitoring.md',
    begins: '/usr/lib/nagios/plugins/check_http',
    prints: /^HTTP OK/m,
  },
  {
    page: 'doc/quarantine.md',
    begins: "sed -i '/^REJECTVIRUS=/d'",
    shows: [`${KEEP_ONE}; onescan quarantine list`, /EICAR/i],
  },
  {
    page: 'doc/quarantine.md',
    begins: 'onescan keygen --release --append',
    prints: /is now in \/etc\/onescan\/keys\/clusterkeys: .*release/,
    shows: [`onescan quarantine release ${ID.ID}`, /sent by/],
  },
  {
    page: 'doc/quarantine.md',
    begins: 'onescan quarantine list --since 1h',
    before: KEEP_ONE,
    own: ID,
    code: 2, // it is deleted after it was released
    prints: /EICAR/i,
  },
  {
    page: 'doc/quarantine.md',
    begins: '(umask 027; echo "ann',
    shows: [
      `sleep 2; curl -s -H "Authorization: Bearer $(sed 's/.* //' /etc/onescan/quarantine.tokens)" http://127.0.0.1:9808/quarantine/v1/messages`,
      /^\{"messages":\[/,
    ],
  },
  {
    page: 'doc/quarantine.md',
    begins: 'sh /usr/share/onescan/examples/quarantine/allow-on-the-page',
    before: `${KEEP_ONE}; sed -i '1s/$/ may=read,allow/' /etc/onescan/quarantine.tokens`,
    // The page makes an exception, then the command of its account. Later blocks need the file of root.
    shows: [
      `sleep 2; curl -s -H "Authorization: Bearer $(awk '{ print $2; exit }' /etc/onescan/quarantine.tokens)" -H 'Content-Type: application/json' -d '{"for":"sender"}' \\
        "http://127.0.0.1:9808/quarantine/v1/messages/${ID.ID}/allow"; echo; cat /etc/onescan/policy
      runuser -u onescan -- onescan allow ben@example.net --signature 'Win.Test.*'; systemctl reload onescand; onescan policy test ben@example.net you@example.org
      rm -r /etc/onescan/policy /etc/onescan/rules /etc/systemd/system/onescand.service.d/rules.conf; systemctl daemon-reload; systemctl restart onescand`,
      /^from=ann@example\.net,signature=\S* allow$[\s\S]*as root, run systemctl reload onescand[\s\S]*policy line \d+: allow Win\.Test\.\*$/m,
    ],
  },
  {
    page: 'doc/quarantine.md',
    begins: 'cp /usr/share/onescan/examples/systemd/onescan-digest',
    shows: ['systemctl is-active onescan-digest.timer', /^active$/m],
  },
  {
    page: 'doc/missed.md',
    begins: 'sh /usr/share/onescan/examples/systemd/set-up-again',
    before: `useradd vmail; useradd -m ann; for part in new cur tmp; do mkdir -p /var/vmail/example.org/ann/$part; done; ${EICAR_MAIL} >/var/vmail/example.org/ann/new/1; chown -R vmail: /var/vmail`,
    // It waits until clamd has loaded the signatures: here it has.
    shows: [
      `systemctl is-active onescan-again.path; systemctl stop onescan-again.service
        printf '[Service]\\nExecStartPre=\\n' >/etc/systemd/system/onescan-again.service.d/now.conf; systemctl daemon-reload
        systemctl start onescan-again.service; ls /var/vmail/example.org/ann/new; journalctl --sync; journalctl -u onescan-again -o cat
        for i in $(seq 50); do grep -qs EICAR /var/mail/ann && break; sleep 0.2; done; grep -a '^Subject: ' /var/mail/ann`,
      /^active\n(?!1\n)[\s\S]*^1 message: 0 clean, 1 infected, 0 unknown$[\s\S]*^Subject: Held back for you: 1 message$/m,
    ],
  },
  {
    page: 'doc/missed.md',
    begins: 'onescan quarantine release --user vmail',
    own: {
      ID: `$(${kept.replace('list', 'list --user vmail --directory /var/lib/vmail-quarantine')})`,
    },
    // What was released stays, at the next change of signatures, too.
    shows: [
      `ls /var/vmail/example.org/ann/new; systemctl start onescan-again.service; ls /var/vmail/example.org/ann/new; journalctl --sync; journalctl -u onescan-again -o cat | tail -6`,
      /^1\n1\n[\s\S]*stays: released from quarantine$/m,
    ],
  },
  {
    page: 'man/onescan.1',
    begins: 'onescan quarantine show [--raw] ID',
    before: KEEP_ONE,
    own: { ...ID, '[--raw]': '--raw' },
    prints: /^Subject: x$/m,
  },
  {
    page: 'man/onescan.1',
    begins: 'onescan quarantine release ID',
    before: 'onescan keygen --release --append /etc/onescan/keys/clusterkeys',
    own: { ...ID, ' ...': '' },
    prints: /sent by 127\.0\.0\.1:25 /,
  },
  {
    page: 'man/onescan.1',
    begins: 'onescan quarantine delete ID',
    before: KEEP_ONE,
    own: { ...ID, '...': '' },
    prints: /deleted|removed/,
  },
  {
    page: 'man/onescan.1',
    begins: 'onescan quarantine digest [option ...]',
    before: KEEP_ONE,
    own: { '[option ...]': '--dry-run' },
    prints: /^<postmaster>: \d+ messages?$/m,
  },
  {
    page: 'doc/infected-mail.md',
    begins: 'FINDINGS="encrypted=refuse',
    by: LINES_OF_DEFAULTS,
    shows: ['onescan check --daemon', /FINDINGS="encrypted=refuse/],
  },
  {
    page: 'doc/daily-work.md',
    begins: "onescan allow ann@example.net --signature 'Win.Test.*'",
    prints:
      /policy line 1: from=ann@example\.net,signature=Win\.Test\.\* allow\nthis line is used from the next message on/,
  },
  {
    page: 'doc/daily-work.md',
    begins: '# accept mail from our own users even if clamd is down',
    by: 'cat >/etc/onescan/policy; onescan policy test ann@partner.example you@example.org',
    prints: /policy line 6: FINDINGS="encrypted=accept"/,
    shows: [
      'systemctl reload onescand; onescan check --daemon',
      /^ok +rules \[onescand\]: \/etc\/onescan\/policy accepts mail unscanned: line 2: /m,
    ],
  },
  {
    page: 'man/onescan-policy.5',
    begins: '# first match wins',
    by: 'cat >/etc/onescan/policy; onescan policy test ann@example.net you@example.org',
    prints: /policy line 6: REJECTVIRUS="1" STRICTMIME="refuse"/,
  },
  {
    page: 'doc/install.md',
    begins: '(umask 077; cd / &&',
    shows: [
      'stat -c %a /root/onescan-*.tgz; tar -tzf /root/onescan-*.tgz',
      /^600\netc\/onescan\/\n[\s\S]*^etc\/default\/onescand\n[\s\S]*^var\/lib\/onescan\/quarantine\/$/m,
    ],
  },
  {
    page: 'doc/daily-work.md',
    begins: 'onescan policy test --file /etc/onescan/policy.draft ann@example.net lab@example.org',
    before: `printf 'to=lab@example.org REJECTVIRUS=0\\n' >/etc/onescan/policy.draft`,
    prints: /policy\.draft line 1: REJECTVIRUS="0"/,
  },
  {
    page: 'man/onescan.1',
    begins: 'onescan policy test FROM TO [CLIENT]',
    own: { FROM: 'ann@example.net', TO: 'lab@example.org', '[CLIENT]': '192.0.2.7' },
    prints: /policy line 1: REJECTVIRUS="0"/,
  },
  {
    page: 'man/onescan.1',
    begins: 'onescan bans',
    before: `printf 'name *.exe\\n' >/etc/onescan/badattachments
      echo 'BADATTACHMENTS="/etc/onescan/badattachments"' >>/etc/default/onescand; systemctl restart onescand`,
    prints: /^Banned\./m,
  },
  {
    page: 'man/onescan-clamav.7',
    begins: 'onescan bans --install',
    prints: /^\/var\/lib\/clamav\/onescan-bans\.cdb: clamd loads 1 names$/m,
    shows: ['stat -c "%U %a" /var/lib/clamav/onescan-bans.cdb', /^clamav 644$/m],
  },
  ...['(umask 022; sigtool --sha256', '(umask 022; sigtool --md5'].map((begins) => ({
    page: 'man/onescan-clamav.7',
    begins,
    before: `${EICAR} >tools.exe`,
    shows: ['cat /var/lib/clamav/local.*', /^[0-9a-f]{32,64}:68:tools\.exe$/m] as const,
  })),
  {
    page: 'man/onescan-clamav.7',
    begins: 'clamdscan --reload',
    shows: [`${EICAR} >e; for i in $(seq 100); do clamdscan --stream e | grep OK && break; sleep 0.1; done`, /e: OK$/m], // biome-ignore format: a line
  },
  {
    page: 'man/onescan-clamav.7',
    begins: '(umask 022; echo Win.Test.Tool-1',
    shows: [`rm /var/lib/clamav/local.*fp; clamdscan --reload; ${EICAR} >e; for i in $(seq 100); do clamdscan --stream e | grep FOUND && break; sleep 0.1; done`, /FOUND$/m], // biome-ignore format: a line
  },
  {
    page: 'doc/quota.md',
    begins:
      'apt install onescan-quotad\nsystemctl enable --now onescan-quotad.socket onescan-quotad',
    own: { 'apt install onescan-quotad': 'dpkg -i /onescan-quotad.deb' },
    shows: ['systemctl is-active onescan-quotad', /^active$/m],
  },
  {
    page: 'doc/quota.md',
    begins: 'QUOTAD="quotad:192.0.2.10:8625"',
    own: { '192.0.2.10': '127.0.0.1' },
    by: LINES_OF_DEFAULTS,
    shows: ['onescan check --daemon', /^ok +QUOTAD.* answers/m],
  },
  {
    page: 'doc/qmail.md',
    begins: 'sh /usr/share/onescan/examples/qmail/qmail-run',
    before: QMAIL_SERVICE,
    by: 'cat >typed; echo y | sh ./typed',
    prints: /^qmail-run: done; /m,
    shows: ['cat /service/qmail-smtpd/run', /^NOFILESGID=`id -g qmaild`$/m],
  },
  {
    page: 'doc/qmail.md',
    begins: 'exec softlimit -a 4000000000',
    before: 'groupadd vchkpw; useradd -m -g vchkpw vpopmail',
    own: {
      ' 0 25 ': ' 127.0.0.1 2501 ',
      '/var/qmail/bin/qmail-smtpd /home/vpopmail/bin/vchkpw /bin/true':
        "sh -c 'id; ulimit -v; test -w /run/onescan/qmail.sock && echo connects'",
    },
    by: `cat >vpopmail-run; systemd-run --unit=vpopmail sh /root/vpopmail-run
      for i in $(seq 100); do ss -ltn | grep -q :2501 && break; sleep 0.1; done`,
    shows: [
      "bash -c 'exec 3<>/dev/tcp/127.0.0.1/2501; cat <&3'; systemctl stop vpopmail",
      /^uid=\d+\(vpopmail\) gid=\d+\(vchkpw\) groups=\d+\(vchkpw\),\d+\(onescan\)\n3906250\nconnects$/m,
    ],
  },
  {
    page: 'man/onescan-quotad.8',
    begins: 'cd /home/vpopmail/domains',
    before: `mkdir -p /home/vpopmail/etc /home/vpopmail/domains/0/example.org
      echo 'ann:x:1:0:Ann:/home/vpopmail/domains/0/example.org/A/ann:NOQUOTA:x' >/home/vpopmail/domains/0/example.org/vpasswd`,
    shows: [
      'cat /home/vpopmail/etc/mailboxes',
      /^ann@example\.org: \/home\/vpopmail\/domains\/0\/example\.org\/A\/ann$/m,
    ],
  },
  {
    page: 'README.md',
    begins: 'sh /usr/share/onescan/examples/qmail/qmail-rules',
    code: 2,
    prints: /^qmail-rules: done; /m,
  },
  {
    page: 'doc/qmail.md',
    begins: 'sh /usr/share/onescan/examples/qmail/qmail-rules',
    prints: /^qmail-rules: already configured; nothing to do$/m,
  },
  {
    page: 'doc/qmail.md',
    begins: 'sh /usr/share/onescan/examples/qmail/make-envdir',
    before:
      'systemctl stop svscan; rm -rf /service/qmail-smtpd; mkdir -p /service/qmail-smtpd; cp /usr/share/onescan/examples/qmail/run /service/qmail-smtpd',
    shows: ['cat /service/qmail-smtpd/env/QMAILQUEUE', /^\/etc\/onescan\/queue$/m],
  },
  {
    page: 'man/onescan-queue.8',
    begins: 'find DIRECTORY -xdev',
    before: 'for age in 1 3; do touch -d "$age days ago" /var/spool/onescan/onescan-$age.msg; done; chown qmaild /var/spool/onescan/*.msg', // biome-ignore format: a line
    own: { DIRECTORY: '/var/spool/onescan' },
    shows: ['ls /var/spool/onescan/onescan-*.msg', /^\S+-1\.msg\n$/],
  },
  {
    page: 'man/onescan.1',
    begins: "onescan scan --env QHPSI='plugin: clamd' - </root/mail.eml",
    before: `useradd -m ann; ${MAIL} >/root/mail.eml; mkdir -p /home/ann/Maildir/new; ${EICAR_MAIL} >/home/ann/Maildir/new/1; chown -R ann: /home/ann`,
    code: 1, // something is found in the second
    prints: /clean[\s\S]*Maildir\/new\/1.*EICAR/i,
  },
  {
    page: 'doc/qmail.md',
    begins: 'apt install smtp-delay',
    own: { 'apt install smtp-delay': 'dpkg -i /smtp-delay.deb' },
    shows: ['smtp-delay --version', /^smtp-delay /m],
  },
  {
    page: 'man/smtp-delay.8',
    begins: 'smtp-delay --explain',
  },
  {
    page: 'doc/postfix.md',
    begins: `cat >>/etc/default/onescand <<'END'\nONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --after-queue"\nREJECTVIRUS="0"\nEND\nsystemctl restart onescand\ncat`,
    before: 'cp /etc/postfix/master.cf master.cf',
    shows: ['postconf -h content_filter', /^scan:\[127\.0\.0\.1\]:10025$/m],
  },
  {
    page: 'doc/postfix.md',
    begins: `cat >>/etc/default/onescand <<'END'\nREJECTVIRUS="1"\nONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026"\nEND`,
    before: `postconf -X content_filter; grep -v '^smtp  *inet' master.cf >/etc/postfix/master.cf
      cat /usr/share/onescan/examples/postfix/postfix-before-queue.cf >>/etc/postfix/master.cf`,
  },
  {
    page: 'doc/postfix.md',
    begins: 'postfix reload\nonescan check --mail you@example.org --accept',
    prints: REFUSED,
  },
  {
    page: 'man/smtp-delay.8',
    begins: 'cp /usr/share/onescan/examples/qmail/smtp-delay.socket',
    before: 'systemctl stop postfix; tcprules /etc/tcp.smtp.cdb /etc/tcp.smtp.tmp </etc/tcp.smtp',
    shows: ['systemctl is-active smtp-delay.socket', /^active$/m],
  },
  { page: 'man/onescan.1', begins: 'onescan completion >>', prints: /^$/ },
  {
    page: 'doc/qmail.md',
    begins: 'ln -sfn /var/qmail/bin/qmail-queue /etc/onescan/queue',
    shows: ['readlink /etc/onescan/queue', /^\/var\/qmail\/bin\/qmail-queue$/m],
  },
  {
    page: 'doc/exim.md',
    on: 'Exim',
    begins: `cat >>/etc/default/onescand <<'END'\nREJECTVIRUS="1"\nONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --smtp`,
    reboots: true,
    shows: ['onescan check --mail you@example.org', REFUSED],
  },
  {
    page: 'doc/other-servers.md',
    on: 'Sendmail',
    begins: `echo 'REJECTVIRUS="1"' >>/etc/default/onescand\nsystemctl restart onescand\ncat /usr/share/onescan/examples/sendmail/sendmail.mc`,
    reboots: true,
    shows: ["onescan check --mail you@example.org --accept 'port 587'", REFUSED],
  },
  {
    page: 'README.md',
    on: 'clamav-milter',
    begins: `echo 'REJECTVIRUS="1"' >>/etc/default/onescand\nsystemctl restart onescand\nsh /usr`,
    code: 2, // clamav-milter takes EICAR first
    prints: /^ok +port 25, clean mail: is scanned by the milter interface/m,
  },
  {
    page: 'doc/coming-from.md',
    on: 'clamav-milter',
    begins: 'postfix reload\nsystemctl stop clamav-milter',
    before: `sed -i 's/inet:127.0.0.1:7357, //' /etc/postfix/main.cf`,
    prints: /^ok +port 25, EICAR: is refused by the milter interface[\s\S]*^no problems found$/m,
    reboots: true,
    shows: [
      `systemctl is-active clamav-milter; systemctl enable clamav-milter; systemctl start clamav-milter
        cp -a /etc/postfix/main.cf.before-onescan.* /etc/postfix/main.cf; postfix reload; postconf -h smtpd_milters; systemctl is-active clamav-milter`,
      /^inactive\n[\s\S]*^inet:127\.0\.0\.1:7357\nactive$/m,
    ],
  },
]

const FORM = 'it is the form of a line, or of what goes over the wire'
const FORM_OF_COMMAND = 'it is the form of a command'
const RELEASE = 'it is about a release'
const FOREIGN =
  'test/scanner/cli/check/test-mail/set-ups.test.ts runs it against servers on this machine'
const FROM_SIMSCAN = 'test/programs/slot/adding-scripts-try.test.ts types it'
const CONTAINERS = 'test/packaging/container.test.ts runs the composition'
const SUPERVISE = 'npm run first-hour types it, where no systemd runs'
const NPM = 'npm run first-hour -- --by npm types it'

/** Blocks that are not typed, by how they begin, with the reason. */
export const notTyped: readonly (readonly [page: string, begins: string, why: string])[] = [
  ['README.md', 'apt update && apt install', 'npm run first-hour -- --by repository types the rest of it'], // biome-ignore format: a line
  ['README.md', 'git clone', 'npm run try is run by the tests of each change'],
  ['README.md', '$ onescan check --mail', 'it is output, which the picture of check has'],
  ['doc/host.md', "echo 'Unattended-Upgrade", 'it is about later releases'],
  ['doc/install.md', 'apt install --no-install-recommends git npm', 'npm run first-hour -- --by checkout types it'], // biome-ignore format: a line
  ['CONTRIBUTING.md', 'npm test', 'it runs this test'],
  ['CONTRIBUTING.md', 'git config core.hooksPath', 'it is about a checkout'],
  ['SECURITY.md', 'Reports:', 'it is an address'],
  ['SECURITY.md', 'Key:', 'it is a fingerprint'],
  ['doc/coming-from.md', 'cp -p /etc/tcp.smtp', FROM_SIMSCAN],
  ['doc/containers.md', 'touch .env', CONTAINERS],
  ['doc/containers.md', 'docker compose run', CONTAINERS],
  ['doc/containers.md', '# Refuse viruses.', CONTAINERS],
  ['doc/containers.md', 'services:\n  postfix-mailcow:', CONTAINERS],
  ['doc/development/release.md', 'apt install gcc libc6-dev musl-tools', RELEASE],
  ['doc/development/release.md', 'npm ci --ignore-scripts', RELEASE],
  ['doc/development/stamp-format.md', 'X-SHA256-Cluster-N', FORM],
  ['doc/development/stamp-format.md', 'onescan-cluster/1', FORM],
  ['doc/development/stamp-format.md', 'X-MD5-Cluster-N', FORM],
  [
    'doc/install.md',
    'service clamav-daemon stop',
    'it is for sysvinit, which no host of the tests has',
  ],
  ['doc/install.md', 'cd /usr/share/onescan/supervise', SUPERVISE],
  ['doc/install.md', 'npm install -g node@24', NPM],
  ['doc/install.md', 'ln -s /etc/onescand /service/', NPM],
  [
    'doc/install.md',
    'sh /usr/share/onescan/setup --remove',
    'test/packaging/setup.test.ts types it',
  ],
  ["doc/other-servers.md", `cat >>/etc/default/onescand <<'END'\nONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --after-queue"\nREJECTVIRUS="0"\nEND\nsystemctl restart onescand\n\0`, 'for OpenSMTPD, with which test/programs/smtp/smtp-after-queue.test.ts runs it'], // biome-ignore format: a line
  ['doc/exim.md', '# onescan, in the main section\nav_scanner', 'test/packaging/clamd-clients.test.ts sets Exim up so'], // biome-ignore format: a line
  ['doc/exim.md', '# onescan, in the main section\nacl_not_smtp', 'test/programs/clamd-clients/exim-local.test.ts sets Exim up so'], // biome-ignore format: a line
  ['doc/other-servers.md', 'echo you@example.org >>/etc/smtpd.recipients', 'for OpenSMTPD'],
  ['doc/other-servers.md', `cat >>/etc/default/onescand <<'END'\nONESCAND_OPTIONS="--lmtp`, 'test/programs/smtp/smtp-dovecot.test.ts runs it'], // biome-ignore format: a line
  ['doc/other-servers.md', 'cat /usr/share/onescan/examples/postfix/postfix-lmtp.cf', 'test/programs/smtp/smtp-dovecot.test.ts runs it'], // biome-ignore format: a line
  ['doc/install.md', 'curl --remote-name-all', 'test/packaging/same-bytes.test.ts types it'],
  ['doc/install.md', "sed -n '/BEGIN/,/END/", 'test/packaging/same-bytes.test.ts types it'],
  ['doc/install.md', 'dnf install epel-release', 'it is for another system than Debian'],
  [
    'doc/rspamd.md',
    'smtpd_milters = inet:localhost',
    'test/programs/milter/milter-rspamd.test.ts tries it',
  ],
  ['doc/quarantine.md', '[Socket]', 'it is a part of a unit'],
  ['doc/infected-mail.md', 'require ["fileinto"', 'test/programs/delivery-agents.test.ts runs it'],
  ['doc/infected-mail.md', 'if (/^X-QHPSI', 'test/programs/delivery-agents.test.ts runs it'],
  ['doc/infected-mail.md', ':0\n* ^X-QHPSI', 'test/programs/delivery-agents.test.ts runs it'],
  ['doc/second-look.md', 'Content-Type: multipart/parallel', 'it is a mail, which test/scanner/scan/scanners/second-look scans'], // biome-ignore format: a line
  ['man/onescan.1', 'onescan status', 'test/scanner/cli/check/services/onescand.test.ts runs it'],
  ['man/onescan.1', 'onescan check [option ...]', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan inject [option ...] FILE', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan scan [option ...] FILE ...', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan verify [option ...] FILE', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan keygen [option ...]', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan quota [--size SIZE] MAILBOX', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan log [option ...] [FILE ...]', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan report [option ...] [FILE ...]', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan quarantine list [option ...]', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan allow [option ...] [SENDER]', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan disable [--control DIRECTORY]', FORM_OF_COMMAND],
  ['man/onescan.1', 'onescan check --mail you@example.org --smtp', FOREIGN],
  ['doc/postfix.md', 'onescan check --mail you@example.org --smtp', FOREIGN],
  ['doc/quarantine.md', 'ann TOKEN', 'it is a file'],
  ['doc/daily-work.md', 'onescan: decision=reject', 'it is output'],
  [
    'doc/quarantine.md',
    'TOKEN=$(awk',
    'test/scanner/daemon/http/quarantine-client.test.ts runs its commands',
  ],
  [
    'man/onescan.1',
    "doveadm fetch -A 'user",
    'test/programs/doveadm-fetch.test.ts runs such commands',
  ],
  ['man/onescan-plugin.7', 'onescan scan --all', 'test/scanner/cli/plugin.test.ts runs it'],
  ['man/onescan-plugin.7', "QHPSI='plugin: clamd macros.ts", 'it is a setting, with names of files of a site'], // biome-ignore format: a line
  ['man/onescan-plugin.7', 'cc -shared', 'test/scanner/scan/scanners/file-plugin runs it'],
  ['man/onescan-queue.8', 'Dmessage refused', FORM],
  ['man/onescan-settings.5', 'REJECTVIRUS=', 'doc/postfix.md has such lines, which are typed'],
  ['man/onescan-queue.8', ':allow,QMAILQUEUE=', 'test/documents/examples.test.ts runs such a line'],
  ['doc/development/quota-protocol.md', 'CHECK_QUOTA user', FORM],
  ['doc/development/quota-protocol.md', 'QUOTA_OK ann', FORM],
  ['doc/development/quota-protocol.md', 'OK user size', FORM],
  ['man/onescan-quotad.8', 'systemctl enable', 'doc/quota.md has the same, which is typed'],
  ['man/onescan-quotad.8', '#!/bin/sh', 'it is a run script, for hosts under supervise'],
  ['man/onescan-rcptquota.8', 'E452', FORM],
  ['man/onescan-rcptquota.8', '[rcpt]', 'it is packaging/shipped/examples/qmail/smtpplugins'],
  ['man/onescanc.8', ':allow,QMAILQUEUE=', 'test/documents/examples.test.ts runs such a line'],
  ['man/onescan-stamp.7', 'X-SHA256-Cluster-1', FORM],
  ['man/onescan-stamp.7', 'SCHEME:ID:SECRET', FORM],
  ['man/onescand.8', 'onescand: milter inet', FORM],
  ['man/onescan-log.5', 'onescan: decision=accept', FORM],
  ['man/onescand.8', 'REJECTVIRUS="1"', 'doc/postfix.md has such lines, which are typed'],
  ['man/smtp-delay.8', 'tcpserver -x', 'test/delay/senders.test.ts runs such lines of run scripts'],
  ['man/smtp-delay.8', '# Our provider names', 'test/delay/senders.test.ts reads it'],
  ['man/smtp-delay.8', 'onescan: program=smtp-delay event=refused', FORM],
]
