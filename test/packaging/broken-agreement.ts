import { type Fault, ofClamd, set, unset, until } from './broken-hosts.ts'

/**
 * Faults of the host with Postfix and the milter that no program reports by itself: each of two programs or files is right, and
 * they do not agree.
 */

const DROP_IN = '/etc/systemd/system/onescand.service.d'
const SOCKET = '/etc/systemd/system/onescan-postfix.socket'
const PORT_OF_MILTER = '/etc/systemd/system/onescan-milter.socket.d'
const SOCKETS = 'onescan-milter.socket onescan-postfix.socket onescan-policy.socket'
const FETCHES =
  'systemctl restart clamav-freshclam && sleep 30 && journalctl -n 20 -u clamav-freshclam'

/** What check reports of another queue directory, and how the first one is back. */
const QUEUE_MOVED = {
  reported: {
    level: 'error',
    what: 'milter unix:onescan/milter.sock',
    value:
      /^\/srv\/spool is queue_directory, and onescand listens in \/var\/spool\/postfix: Postfix defers all mail$/,
  },
  restores: `postconf -X queue_directory; postconf -e 'smtpd_milters={ unix:onescan/milter.sock, default_action=tempfail }' 'non_smtpd_milters=$smtpd_milters'
    rm -r /srv/spool ${PORT_OF_MILTER}; systemctl daemon-reload; systemctl restart postfix
    systemctl stop onescand; systemctl restart ${SOCKETS}; systemctl start onescand; ${until('ss -ltn | grep :25')}`,
} as const

/** What `systemctl edit` does with the unit. */
const unitEdited = (lines: string) =>
  `mkdir -p ${DROP_IN}; printf '[Service]\\n${lines}\\n' >${DROP_IN}/own.conf; systemctl daemon-reload`
const UNIT_AS_BEFORE = `rm ${DROP_IN}/own.conf; systemctl daemon-reload`

/** What `systemctl edit` does with the socket for Postfix. */
const socketEdited = (lines: string) =>
  `systemctl stop onescand; mkdir -p ${SOCKET}.d; printf '[Socket]\\n${lines}\\n' >${SOCKET}.d/own.conf; systemctl daemon-reload
    systemctl restart onescan-postfix.socket; systemctl start onescand`
const SOCKET_AS_BEFORE = `rm ${SOCKET}.d/own.conf; systemctl daemon-reload`

export const faultsOfAgreement: readonly Fault[] = [
  {
    name: 'Postfix has another queue directory',
    breaks: `mkdir -p /srv/spool; cp -a /var/spool/postfix/. /srv/spool; rm -r /srv/spool/onescan
      postconf -e queue_directory=/srv/spool; systemctl restart postfix; ${until('ss -ltn | grep :25')}`,
    ...QUEUE_MOVED,
  },
  {
    name: 'Postfix has another queue directory, with sockets that nobody serves',
    breaks: `mkdir -p /srv/spool; cp -a /var/spool/postfix/. /srv/spool
      postconf -e queue_directory=/srv/spool; systemctl restart postfix; ${until('ss -ltn | grep :25')}`,
    ...QUEUE_MOVED,
  },
  {
    name: 'Postfix has another queue directory, and no milters yet',
    breaks: `mkdir -p /srv/spool; cp -a /var/spool/postfix/. /srv/spool; postconf -X smtpd_milters non_smtpd_milters
      postconf -e queue_directory=/srv/spool; systemctl restart postfix; ${until('ss -ltn | grep :25')}`,
    ...QUEUE_MOVED,
    reported: {
      level: 'error',
      what: 'smtpd_milters',
      value: /^uses neither a milter of onescand nor a filter: its mail is not scanned$/,
      remedy: /^mkdir -p .*8890.* && postconf -e /,
    },
  },
  {
    name: 'the milter of local mail is at a port where nothing listens',
    breaks: `postconf -e 'non_smtpd_milters={ inet:127.0.0.1:9, default_action=tempfail }'; postfix reload`,
    reported: {
      level: 'error',
      what: 'non_smtpd_milters',
      value:
        /^inet:127\.0\.0\.1:9: nothing listens there: Postfix defers all mail that local programs send$/,
    },
    restores: "postconf -e 'non_smtpd_milters=$smtpd_milters'; postfix reload",
  },
  {
    name: 'Postfix accepts larger mail than clamd',
    breaks: 'postconf -e message_size_limit=200000000 mailbox_size_limit=0; postfix reload',
    reported: {
      level: 'warning',
      what: 'message_size_limit',
      value:
        /^is 200000000, and clamd scans messages of at most \d+ bytes \(\w+\): larger mail is deferred until it bounces$/,
    },
    restores: 'postconf -X message_size_limit mailbox_size_limit; postfix reload',
  },
  {
    name: 'clamd scans less than Postfix accepts by default',
    breaks: ofClamd('MaxFileSize 5M'),
    reported: {
      level: 'warning',
      what: 'message_size_limit',
      value: /^is 10240000, and clamd scans messages of at most 5242880 bytes \(MaxFileSize\): /,
      remedy: /^raise MaxFileSize: Postfix itself accepts 10240000 bytes by default$/,
    },
    does: ofClamd('MaxFileSize 100M'),
  },
  {
    name: 'clamd may scan for longer than onescan waits',
    breaks: ofClamd('MaxScanTime 300000'),
    reported: {
      level: 'warning',
      what: 'clamd /run/clamav/clamd.ctl MaxScanTime [onescand]',
      value:
        /^is 5 min, and onescan waits for 2 min 30 s \(SCANTIMEOUT\): clamd goes on with mail that is deferred$/,
      remedy: /^set "MaxScanTime 120000" in its clamd\.conf, and restart clamd$/,
    },
    does: ofClamd('MaxScanTime 120000'),
  },
  {
    name: 'clamd was told to ignore EICAR',
    breaks: `printf 'EICAR-Test\n' >/var/lib/clamav/local.ign2; ${ofClamd('MaxFiles 10000')}`,
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/clamd.ctl EICAR',
      value:
        /^is reported as clean, since \/var\/lib\/clamav\/local\.ign2 makes clamd ignore it: this server is not used, /,
      remedy:
        /^remove the lines about EICAR from \/var\/lib\/clamav\/local\.ign2, and restart clamd$/,
    },
    does: `rm /var/lib/clamav/local.ign2; ${ofClamd('MaxFiles 10000')}`,
  },
  {
    name: 'clamd counts fewer files than mail has',
    breaks: ofClamd('MaxFiles 1'),
    reported: {
      level: 'warning',
      what: 'clamd /run/clamav/clamd.ctl MaxFiles [onescand]',
      value: /^is 1: mail with more parts and files in archives is refused$/,
      remedy: /^set "MaxFiles 10000" in its clamd\.conf, and restart clamd$/,
    },
    does: ofClamd('MaxFiles 10000'),
  },
  {
    name: 'an addition to the unit has no section',
    breaks: `mkdir -p ${DROP_IN} /srv/q; printf '# ours\\nBindPaths=/srv/q\\n' >${DROP_IN}/own.conf; systemctl daemon-reload; systemctl restart onescand`,
    reported: {
      level: 'warning',
      what: 'onescand',
      value: /^line 2 of \S+\/own\.conf has no effect: "Assignment outside of section\. Ignoring"$/,
    },
    restores: `rm ${DROP_IN}/own.conf; systemctl daemon-reload; systemctl restart onescand`,
  },
  {
    name: 'an addition to the unit has a misspelt line',
    breaks: `mkdir -p ${DROP_IN} /srv/q; printf '[Service]\\nBindPath=/srv/q\\n' >${DROP_IN}/own.conf; systemctl daemon-reload; systemctl restart onescand`,
    reported: {
      level: 'warning',
      what: 'onescand',
      value: /^line 2 of \S+\/own\.conf has no effect: "Unknown key .*BindPath.* ignoring"$/,
      remedy: /^correct this line, then run systemctl daemon-reload && systemctl restart onescand$/,
    },
    does: `sed -i 's/^BindPath=/BindPaths=/' ${DROP_IN}/own.conf && systemctl daemon-reload && systemctl restart onescand`,
    restores: `rm ${DROP_IN}/own.conf; systemctl daemon-reload; systemctl restart onescand`,
  },
  {
    name: 'an addition to a socket has no section',
    breaks: `mkdir -p ${SOCKET}.d; echo 'SocketMode=0660' >${SOCKET}.d/own.conf; systemctl daemon-reload; systemctl restart onescand`,
    reported: {
      level: 'warning',
      what: 'onescand',
      value:
        /^line 1 of \S+\/onescan-postfix\.socket\.d\/own\.conf has no effect: "Assignment outside of section\. Ignoring"$/,
    },
    restores: `rm ${SOCKET}.d/own.conf; systemctl daemon-reload`,
  },
  {
    name: "the address of clamd has the form of clamav-milter's",
    breaks: set('CLAMD=unix:/run/clamav/clamd.ctl'),
    reported: {
      level: 'error',
      what: 'onescand',
      value:
        /CLAMD='unix:\/run\/clamav\/clamd\.ctl': must be \/run\/clamav\/clamd\.ctl, without unix:; correct /,
    },
    does: `sed -i 's/^CLAMD=unix:/CLAMD=/' /etc/default/onescand && systemctl restart onescand`,
    restores: unset('CLAMD'),
  },
  {
    name: 'the milter is open to all networks that the unit allows',
    breaks: set('ONESCAND_OPTIONS="--milter inet:0.0.0.0:8899"'),
    reported: {
      level: 'warning',
      what: 'milter inet:0.0.0.0:8899',
      value: /^is open to all hosts of .*\b10\.0\.0\.0\/8\b.*: each may have mail scanned, /,
      remedy:
        /^set --milter inet:ADDRESS:8899, with the address at which your mail servers reach this host, in \/etc\/default\/onescand, then run systemctl restart onescand$/,
    },
    does: `sed -i '/^ONESCAND_OPTIONS=/s/0\\.0\\.0\\.0/127.0.0.1/' /etc/default/onescand && systemctl restart onescand && ! onescan check | grep 'is open to'`,
    restores: unset('ONESCAND_OPTIONS'),
  },
  {
    name: 'signatures are missing, while a service fetches them',
    breaks: 'systemctl unmask clamav-freshclam; systemctl start clamav-freshclam; sleep 2',
    reported: {
      level: 'warning',
      what: 'clamd /run/clamav/clamd.ctl [onescand]',
      value: /^only 1 signature in /,
      remedy: new RegExp(`^${FETCHES}$`),
    },
    // The host has no network: the log shows why nothing is fetched. freshclam itself does not even start.
    does: `! freshclam && ${FETCHES} | grep daily`,
    restores: 'systemctl stop clamav-freshclam; systemctl mask clamav-freshclam',
  },
  {
    name: 'an addition to the socket for Postfix gives it another owner and mode',
    breaks: socketEdited('SocketMode=0600\\nSocketUser=backup'),
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value:
        /^postfix may not connect to \S+\/milter\.sock, because of line 3 of \S+\/own\.conf \(SocketUser=backup\): Postfix defers all mail$/,
      remedy:
        /^sed -i -E .* \S+\/own\.conf && systemctl daemon-reload && systemctl stop onescand && /,
    },
    restores: SOCKET_AS_BEFORE,
  },
  {
    name: 'an addition to the socket for Postfix moves it',
    breaks: socketEdited('ListenStream=\\nListenStream=/run/milter.sock'),
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value:
        /^nothing listens at \S+\/milter\.sock, since line 3 of \S+\/own\.conf \(ListenStream=\/run\/milter\.sock\) has another address: Postfix defers all mail$/,
      remedy:
        /^sed -i -E .* \S+\/own\.conf && systemctl daemon-reload && systemctl stop onescand && /,
    },
    restores: SOCKET_AS_BEFORE,
  },
  ...(
    [
      ['inet:127.0.0.1:8891', /^nothing listens there: /],
      ['unix:private/own-policy', /^\S+\/private\/own-policy does not exist: /],
    ] as const
  ).map(
    ([address, value]): Fault => ({
      name: `Postfix asks a policy server at ${address} that is not there`,
      breaks: `postconf -e 'smtpd_recipient_restrictions=check_policy_service ${address}, permit_mynetworks, reject_unauth_destination'; postfix reload`,
      reported: {
        level: 'error',
        what: `check_policy_service ${address}`,
        value,
        remedy:
          /^start the policy server .*, or remove it from smtpd_recipient_restrictions and run postfix reload$/,
      },
      does: 'postconf -X smtpd_recipient_restrictions; postfix reload',
    }),
  ),
  {
    name: 'Postfix needs more free space than there is',
    breaks: 'postconf -e queue_minfree=900000000000000; postfix reload',
    reported: {
      level: 'error',
      what: 'queue of Postfix',
      value:
        /^needs .+ \(queue_minfree\), with .+ free in \/var\/spool\/postfix: Postfix defers all mail$/,
      remedy: /^postconf -X queue_minfree && postfix reload$/,
    },
  },
  ...(
    [
      ['bytes', 'size=32m', 'head -c 40m /dev/zero >fill', / free in \/var\/spool\/postfix: /],
      // The mail of faults before this one is in the queue, too.
      ['files', 'nr_inodes=$(($(find /queue | wc -l) + 999))', 'seq 2000 | xargs touch', /has room for 0 more files: /], // biome-ignore format: a line
    ] as const
  ).map(
    ([what, options, fill, value]): Fault => ({
      name: `Postfix's queue is on a file system of its own, which is full of ${what}`,
      // systemctl does not wait for the instances of Postfix.
      breaks: `postfix stop; systemctl stop postfix onescand; rm -rf /queue; cp -a /var/spool/postfix /queue
        mount -t tmpfs -o ${options} tmpfs /var/spool/postfix; chmod 755 /var/spool/postfix; cp -a /queue/. /var/spool/postfix
        systemctl restart ${SOCKETS}; systemctl start onescand postfix; ${until('ss -ltn | grep :25')}; sleep 2; cd /var/spool/postfix && ${fill}`,
      reported: {
        level: 'error',
        what: 'queue of Postfix',
        value,
        remedy:
          /^free space in \/var\/spool\/postfix: du -x \/var\/spool\/postfix shows what fills it, and mailq /,
      },
      does: 'cd /var/spool/postfix && rm -f fill && seq 2000 | xargs rm -f',
      restores: `postfix stop; systemctl stop postfix onescand; umount -l /var/spool/postfix; rm -r /queue; systemctl restart ${SOCKETS}; systemctl start onescand postfix`,
    }),
  ),
  {
    name: 'Postfix defers what it should refuse',
    breaks: 'postconf -e soft_bounce=yes; postfix reload',
    reported: {
      level: 'warning',
      what: 'soft_bounce',
      value: /^is yes, so Postfix defers mail that onescan refuses, and its senders try for days$/,
    },
    restores: 'postconf -X soft_bounce; postfix reload',
  },
  {
    name: 'the account of onescand was deleted',
    breaks: 'systemctl stop onescand; userdel onescan; systemctl start onescand',
    reported: {
      level: 'error',
      what: 'onescand',
      value: /^cannot start: its account onescan does not exist$/,
      remedy:
        /^systemd-sysusers \S+ && usermod -aG onescan-keys onescan && systemctl restart onescand$/,
    },
  },
  {
    name: 'the account of onescand was deleted while it runs',
    breaks: 'userdel -f onescan; sleep 3',
    reported: {
      level: 'error',
      what: 'onescand',
      value: /^runs, but cannot be started again: its account onescan does not exist$/,
      remedy:
        /^systemd-sysusers \S+ && usermod -aG onescan-keys onescan && systemctl restart onescand$/,
    },
  },
  {
    name: 'the account of the service of quotas was deleted',
    breaks: `dpkg -i /onescan-quotad.deb; systemctl enable --now onescan-quotad.socket onescan-quotad; ${set('QUOTAD="quotad:127.0.0.1:8625"')}
      systemctl stop onescan-quotad; userdel onescan-quotad; systemctl start onescan-quotad`,
    reported: {
      level: 'error',
      what: 'onescan-quotad',
      value: /^cannot start: its account onescan-quotad does not exist$/,
      remedy: /^systemd-sysusers \S+ && systemctl restart onescan-quotad$/,
    },
    restores: `systemctl disable --now onescan-quotad.socket onescan-quotad; dpkg -P onescan-quotad; ${unset('QUOTAD')}`,
  },
  {
    name: 'every attachment is banned',
    breaks: set('BADATTACHMENTS="*"'),
    reported: {
      level: 'warning',
      what: 'BADATTACHMENTS [onescand]',
      value: /^bans every attachment, so mail with any file is refused$/,
    },
    does: unset('BADATTACHMENTS'),
  },
  {
    name: 'the policy has a line that is not a rule',
    breaks: `echo 'recipient=ann@example.net scan off' >/etc/onescan/policy; systemctl reload onescand`,
    reported: {
      level: 'error',
      what: 'settings [onescand]',
      value: /^\/etc\/onescan\/policy line 1: recipient=ann@example\.net: is not a condition$/,
    },
    // Until it is corrected, no line offers to read it again. Then one does.
    does: `! onescan check | grep 'systemctl reload' && sed -i s/recipient=/to=/ /etc/onescan/policy && eval "$(onescan check | sed -n 's/^ *fix: \\(systemctl reload .*\\)/\\1/p')"`,
    restores: 'rm /etc/onescan/policy; systemctl reload onescand',
  },
  {
    name: 'a setting has a wrong value, and onescand was not restarted',
    breaks: `sleep 3; echo 'SCANTIMEOUT=soon' >>/etc/default/onescand`,
    reported: {
      level: 'error',
      what: 'settings',
      value:
        /^SCANTIMEOUT="soon": must be .*: onescand runs with those of its start, and would not start again$/,
      remedy:
        /^correct this setting in \/etc\/default\/onescand, then run systemctl restart onescand$/,
    },
    does: unset('SCANTIMEOUT'),
  },
  {
    name: 'the group of Postfix has another name',
    breaks: `groupmod -n postfixold postfix; systemctl stop onescand
      systemctl restart onescan-postfix.socket; systemctl start onescand`,
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value:
        /, as onescan-postfix\.socket does not listen: its start failed: "Failed to resolve group postfix: .*": Postfix defers all mail$/,
      remedy: /^fix this error, then systemctl restart onescand$/,
    },
    does: 'groupmod -n postfix postfixold && systemctl restart onescand',
  },
  {
    name: 'a socket has an address of another host',
    breaks: `mkdir -p ${PORT_OF_MILTER}; printf '[Socket]\\nListenStream=192.0.2.77:8890\\n' >${PORT_OF_MILTER}/own.conf
      systemctl daemon-reload; systemctl stop onescand; systemctl restart onescan-milter.socket; systemctl start onescand`,
    reported: {
      level: 'error',
      what: 'onescan-milter.socket',
      value:
        /^does not listen: its start failed: "Failed to create listening socket \(192\.0\.2\.77:8890\): Cannot assign requested address"$/,
      remedy: /^fix this error, then run systemctl restart onescand$/,
    },
    does: `rm ${PORT_OF_MILTER}/own.conf && systemctl daemon-reload && systemctl restart onescand`,
  },
  {
    name: 'what onescand needs before its start fails',
    breaks: `sed -i 's/^passwd:.*/passwd: none/' /etc/nsswitch.conf; systemctl restart onescand`,
    reported: {
      level: 'error',
      what: 'onescan-root.service',
      value: /^its start failed: "\S*install: invalid user /,
      remedy: /^fix this error, then systemctl start onescand$/,
    },
    does: `sed -i 's/^passwd:.*/passwd: files/' /etc/nsswitch.conf && systemctl start onescand`,
  },
  ...['LimitNOFILE=24', 'LimitAS=200M', 'LimitFSIZE=1000', 'UMask=0777'].map(
    (line): Fault => ({
      name: `an addition to the unit sets ${line}`,
      breaks: `${unitEdited(line)}; systemctl restart onescand`,
      reported: {
        level: 'error',
        what: 'onescand',
        value: new RegExp(`^${line.replace(/=.*/, '')} is \\d+, in line 2 of .*\\(${line}\\): `),
      },
      restores: UNIT_AS_BEFORE,
    }),
  ),
  {
    name: 'an addition to the unit drops the packets of a clamd over TCP',
    breaks: `systemd-run --unit=over-tcp --socket-property=ListenStream=127.0.0.1:3310 /lib/systemd/systemd-socket-proxyd /run/clamav/clamd.ctl
      ${unitEdited('IPAddressAllow=\\nIPAddressDeny=any')}; ${set('CLAMD=127.0.0.1:3310')}`,
    reported: {
      level: 'error',
      what: 'clamd 127.0.0.1:3310 [onescand]',
      value: /^no connection within 5 s: its packets are dropped on their way$/,
      remedy: /^let onescand connect: correct the firewall .*, or IPAddressAllow= in an addition /,
    },
    does: `${UNIT_AS_BEFORE}; systemctl restart onescand`,
    restores: `${unset('CLAMD')}; systemctl stop over-tcp.socket over-tcp.service`,
  },
  {
    name: 'the quarantine was restored as root',
    breaks: `sed -i '/^REJECTVIRUS/d' /etc/default/onescand; ${set('QUARANTINE=/var/lib/onescan/quarantine')}
      onescan check --mail you@example.org; chown -R root: /var/lib/onescan/quarantine/*`,
    reported: {
      level: 'error',
      what: 'QUARANTINE [onescand]',
      value: /^\S+ has \S+, which is closed to onescan: infected mail is deferred$/,
      remedy: /^chown -R onescan \/var\/lib\/onescan\/quarantine && /,
    },
    restores: `${unset('QUARANTINE')}; ${set('REJECTVIRUS="1"')}`,
  },
  {
    name: 'a second clamd has taken the socket',
    breaks: `mkdir -p /other; echo 'Other:0:*:6f74686572207369676e6174757265' >/other/test.ndb; printf 'LocalSocket /run/clamav/clamd.ctl\\nLocalSocketMode 666\\nFixStaleSocket yes\\nDatabaseDirectory /other\\nForeground yes\\n' >/other.conf
      systemctl stop other; rm /run/clamav/clamd.ctl; systemd-run --collect --unit=other clamd --config-file=/other.conf
      ${until('clamdscan --ping 1')}`,
    reported: {
      level: 'warning',
      what: 'clamd /run/clamav/clamd.ctl [onescand]',
      value: /; process \d+ \(clamd\) listens there instead of clamav-daemon$/,
      remedy: /^systemctl stop other\.service && systemctl (?:restart|stop) clamav-daemon\b/,
    },
  },
  {
    name: 'accounts of the package were deleted',
    breaks: 'userdel onescan-check; userdel onescan-log',
    reported: {
      level: 'warning',
      what: 'account onescan-check',
      value: /^does not exist, although programs of the package run as onescan-check$/,
      remedy: /^systemd-sysusers /,
    },
  },
  {
    name: 'the log of the mail server is closed, and the journal keeps nothing',
    breaks: `install -m 0600 /dev/null /var/log/mail.log; mkdir -p /etc/systemd/journald.conf.d
      printf '[Journal]\\nStorage=none\\n' >/etc/systemd/journald.conf.d/own.conf; systemctl restart systemd-journald`,
    reported: {
      level: 'warning',
      what: 'log /var/log/mail.log',
      value: /^the account onescan-check may not read it, and the journal keeps nothing \(/,
    },
    // Before: check sends no mail. Here no syslog writes the file.
    does: `onescan check --mail you@example.org | grep -q 'and no mail was sent' && chgrp adm /var/log/mail.log && chmod g+r /var/log/mail.log &&
      ! onescan check | grep 'log /var/log/mail.log' && rm /var/log/mail.log /etc/systemd/journald.conf.d/own.conf && systemctl restart systemd-journald`,
  },
  {
    name: 'Postfix has no service for SMTP',
    breaks: 'postconf -MX smtp/inet; postfix reload',
    reported: {
      level: 'warning',
      what: 'master.cf',
      value: /^has no line with smtpd: Postfix accepts no mail over SMTP$/,
    },
  },
  {
    name: 'a second ExecStart= stops the start',
    breaks: `mkdir -p /etc/systemd/system/onescand.service.d
      printf '[Service]\\nExecStart=/usr/sbin/onescand --workers 2\\n' >/etc/systemd/system/onescand.service.d/own.conf
      systemctl daemon-reload; systemctl stop onescand.socket onescan-milter.socket onescan-policy.socket onescan-postfix.socket onescand`,
    reported: {
      level: 'error',
      what: 'onescand',
      value: /^does not answer \(its unit is bad-setting\): "Service has more than one ExecStart= /,
    },
    restores:
      'rm /etc/systemd/system/onescand.service.d/own.conf; systemctl daemon-reload; systemctl restart onescand',
  },
  {
    name: 'the unit binds a directory that is gone',
    breaks: `mkdir -p /etc/systemd/system/onescand.service.d
      printf '[Service]\\nBindPaths=/mnt/gone\\n' >/etc/systemd/system/onescand.service.d/own.conf
      systemctl daemon-reload; systemctl restart onescand`,
    reported: {
      level: 'error',
      what: 'onescand',
      value:
        /^cannot start: \/mnt\/gone does not exist, and line 2 of .*own\.conf \(BindPaths=\/mnt\/gone\) binds it$/,
    },
    does: 'rm /etc/systemd/system/onescand.service.d/own.conf; systemctl daemon-reload && systemctl restart onescand',
  },
  {
    name: 'root alone may read the list of accounts',
    breaks: 'chmod 600 /etc/passwd; systemctl restart onescand',
    reported: {
      level: 'error',
      what: '/etc/passwd',
      value: /^accounts such as onescan may not read it, and their programs fail$/,
    },
  },
  {
    name: '/dev/null is a file',
    breaks: 'rm /dev/null; echo >/dev/null; systemctl restart onescand',
    reported: {
      level: 'error',
      what: '/dev/null',
      value: /^is not the device that all programs may write to$/,
    },
  },
  {
    name: 'a line of main.cf begins with a blank',
    breaks: `postconf -e 'message_size_limit = 25000000'; sed -i '/^message_size_limit/d; s/^smtpd_milters/message_size_limit = 25000000\\n &/' /etc/postfix/main.cf; postfix reload`,
    reported: {
      level: 'error',
      what: 'main.cf',
      value:
        /^line \d+ of \/etc\/postfix\/main\.cf begins with a blank, so it is a part of message_size_limit, and does not set smtpd_milters$/,
    },
  },
  {
    name: 'the queue of Postfix was restored as root',
    breaks: 'chown -R root /var/spool/postfix',
    reported: {
      level: 'error',
      what: 'postfix-files',
      value:
        /^\/var\/spool\/postfix\/active belongs to root instead of postfix, and 6 more paths have such a fault: mail waits, or is not accepted$/,
    },
  },
  {
    name: 'a program of Postfix has lost its group',
    breaks: 'chown root: /usr/sbin/postdrop',
    reported: {
      level: 'error',
      what: 'postfix-files',
      value: /^\/usr\/sbin\/postdrop has the group root instead of postdrop: /,
    },
  },
  {
    name: 'Postfix refuses the mail of all other hosts',
    breaks: "postconf -e 'smtpd_client_restrictions=permit_mynetworks, reject'; postfix reload",
    reported: {
      level: 'warning',
      what: 'smtpd_client_restrictions',
      value:
        /^is permit_mynetworks, reject: mail of all other hosts is refused, although test mail of this host is accepted$/,
    },
    restores: 'postconf -X smtpd_client_restrictions; postfix reload',
  },
  {
    name: 'postscreen has no service to which it passes clients',
    breaks: `postconf -M smtp/inet='smtp inet n - y - 1 postscreen'; postfix reload`,
    reported: {
      level: 'error',
      what: 'smtp/inet',
      value:
        /^runs postscreen, and master\.cf has no service smtpd of type pass that takes its mail: Postfix accepts none there$/,
    },
    restores: `postconf -MX smtpd/pass; postconf -M smtp/inet='smtp inet n - y - - smtpd'; postfix reload`,
  },
  {
    name: 'a rule lets mail pass by its sender',
    breaks: `echo 'from=boss@example.org scan off' >/etc/onescan/policy; systemctl reload onescand`,
    reported: {
      level: 'warning',
      what: 'rules [onescand]',
      value:
        /accepts mail from anywhere unscanned \(anyone can forge a sender address\): line 1: from=boss@example\.org \(scan off\)$/,
    },
    does: 'rm /etc/onescan/policy; systemctl reload onescand',
  },
  {
    name: 'a number in main.cf is none',
    breaks: `postconf -e 'message_size_limit = 25 MB'; postfix reload`,
    reported: {
      level: 'error',
      what: 'Postfix',
      value: /^its programs end: bad numerical configuration: message_size_limit = 25 MB$/,
    },
    does: `postconf -e 'message_size_limit = 25000000'; postfix reload`,
  },
  {
    name: 'a table was not made again',
    breaks: `echo 'post@example.org you@example.org' >/etc/postfix/virtual
      postconf -e virtual_alias_maps=hash:/etc/postfix/virtual; rm -f /etc/postfix/virtual.db; postfix reload`,
    reported: {
      level: 'error',
      what: 'virtual_alias_maps',
      value:
        /^Postfix cannot read hash:\/etc\/postfix\/virtual \(.*No such file.*\), and defers mail for which it looks there$/,
    },
    restores: 'postconf -X virtual_alias_maps; postfix reload',
  },
  {
    name: 'the token of the page is not there',
    breaks: set('ONESCAND_OPTIONS="--http inet:127.0.0.1:8899 --http-token /etc/onescan/none"'),
    reported: {
      level: 'error',
      what: 'status page inet:127.0.0.1:8899 [onescand]',
      value: /^--http-token \/etc\/onescan\/none: no such file or directory/,
    },
    does: unset('ONESCAND_OPTIONS'),
  },
  {
    name: 'the token of the page is too long',
    breaks: `(umask 027; head -c 5392 /dev/zero | tr '\\0' x >/etc/onescan/token; chgrp onescan-keys /etc/onescan/token)
      ${set('ONESCAND_OPTIONS="--http inet:127.0.0.1:8899 --http-token /etc/onescan/token"')}`,
    reported: {
      level: 'error',
      what: 'status page inet:127.0.0.1:8899 [onescand]',
      value:
        /^--http-token \/etc\/onescan\/token: is larger than 4096 bytes: onescand runs without its status page$/,
    },
    does: unset('ONESCAND_OPTIONS'),
  },
]
