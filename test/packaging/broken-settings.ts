import { faultsOfAgreement } from './broken-agreement.ts'
import { CLAMD_ANSWERS, type Fault, ofClamd, set, unset, until } from './broken-hosts.ts'
import { faultsByMail } from './broken-mail.ts'
import { faultsOfUnits } from './broken-units.ts'

/**
 * Further faults of the host with Postfix and the milter, after those of broken-hosts.ts: parameters of Postfix, settings,
 * directories and keys. test/scanner/cli/check/states/postfix.ts has more of Postfix, with the remedies that are commands.
 */

const MILTER = '{ unix:onescan/milter.sock, default_action=tempfail }'
const postconf = (...words: readonly string[]) =>
  `postconf -e ${words.map((word) => `'${word}'`).join(' ')}; postfix reload`
const asInstalled = postconf(`smtpd_milters=${MILTER}`, 'non_smtpd_milters=$smtpd_milters')
const RING = '/etc/onescan/keys/clusterkeys'
/** Sets a setting in place of an earlier line. */
const change = (line: string) =>
  `sed -i '/^${line.replace(/=.*/, '')}=/d' /etc/default/onescand; ${set(line)}`
const RESTART = 'systemctl restart onescand'
/** What several faults find, whichever came before: infected mail is kept. */
const KEEPS = `sed -i '/^REJECTVIRUS=/d' /etc/default/onescand; ${change('QUARANTINE=/var/lib/onescan/quarantine')}`
/** A list of bans that is used, and what makes clamd look for its names. */
const BANS = `rm -f /etc/onescan/policy; printf 'name *.exe\\n' >/etc/onescan/badattachments
      ${change('BADATTACHMENTS=/etc/onescan/badattachments')}; ${change('QHPSI="plugin: clamd attachments"')}; ${change('ARCHIVEBANS=on')}`
const INSTALLS_BANS =
  "onescan bans --install && for i in $(seq 20); do onescan check --json | grep -q 'does not have the list' || break; done"
/** A keyring that is used. */
const KEYRING = `test -e ${RING} || { onescan keygen --append ${RING}; ${set(`CLUSTERKEYS="${RING}"`)}; }`
const EXPIRES = `sed -i 's/$/:until=2020-01-01/' ${RING}`
/** A directory that is shared with scanners. */
const SHARED = `install -d -m 3770 -o onescan /var/spool/onescan/shared; ${change('SPOOLDIR=/var/spool/onescan/shared')}`

/** One command for all sockets. */
const LISTENS_AGAIN =
  'systemctl stop onescand && systemctl restart onescan-postfix.socket onescan-policy.socket && systemctl start onescand'

const faultsOfMainCf: readonly Fault[] = [
  {
    name: 'Postfix lost its milters',
    breaks: postconf('smtpd_milters=', 'non_smtpd_milters='),
    reported: {
      level: 'error',
      what: 'smtpd_milters',
      value: /^uses neither a milter of onescand nor a filter: its mail is not scanned$/,
    },
  },
  {
    name: 'the milter is named by its path outside the chroot',
    breaks: `postconf -F smtp/inet/chroot=y; ${postconf('smtpd_milters={ unix:/var/spool/postfix/onescan/milter.sock, default_action=tempfail }')}`,
    reported: {
      level: 'error',
      what: 'milter unix:/var/spool/postfix/onescan/milter.sock',
      value: /^smtpd cannot reach it: it runs in \/var\/spool\/postfix, /,
      remedy: /default_action=tempfail \}/,
    },
  },
  {
    name: 'the milter is at a port where nothing listens',
    breaks: postconf('smtpd_milters=inet:localhost:9'),
    reported: {
      level: 'error',
      what: 'milter inet:localhost:9',
      value: /^nothing listens there: /,
      remedy: /^if this milter is onescand, postconf -e /,
    },
    does: `remedy=$(onescan check --json 2>/dev/null | sed -n 's/.*"if this milter is onescand, \\([^"]*\\); if not, .*/\\1/p')
      test -n "$remedy" && eval "$remedy"`,
    restores: asInstalled,
  },
  {
    name: 'a table of milters is missing',
    breaks: postconf('smtpd_milter_maps=hash:/etc/postfix/none'),
    reported: {
      level: 'error',
      what: 'smtpd_milter_maps',
      value:
        /^Postfix cannot read hash:\/etc\/postfix\/none \(.*\), and accepts no mail over SMTP$/,
      remedy: /^correct hash:\/etc\/postfix\/none, or remove it from smtpd_milter_maps, /,
    },
    does: 'postconf -X smtpd_milter_maps; postfix reload',
  },
  {
    name: 'a filter has no transport',
    breaks: postconf('content_filter=scan:[127.0.0.1]:10025'),
    reported: {
      level: 'error',
      what: 'content_filter',
      value: /, and master\.cf has no transport scan, so all mail is deferred$/,
      remedy: /^add the transport scan to master\.cf as doc\/postfix\.md shows, /,
    },
    does: 'postconf -X content_filter; postfix reload',
  },
  {
    name: 'Postfix listens at an address of another host',
    breaks: `postconf -e 'inet_interfaces=192.0.2.55, 127.0.0.1'; postfix stop; postfix start`,
    reported: {
      level: 'error',
      what: 'inet_interfaces',
      value:
        /^has 192\.0\.2\.55, which is not an address of this host, so Postfix delivers no mail$/,
      remedy: /^set inet_interfaces to all, or to addresses of this host /,
    },
    does: 'postconf -e inet_interfaces=all; systemctl restart postfix',
  },
]

const faultsOfSettings: readonly Fault[] = [
  {
    name: 'a setting is misspelt',
    breaks: set('REJECTVIRUSES=1'),
    reported: {
      level: 'warning',
      what: 'settings [onescand]',
      value: /^REJECTVIRUSES is not a setting: no program reads it$/,
    },
    does: unset('REJECTVIRUSES'),
  },
  {
    name: 'a setting has a wrong value',
    breaks: set('SCANTIMEOUT=soon'),
    reported: {
      level: 'error',
      what: 'onescand',
      value: /logged: "error: settings: SCANTIMEOUT='soon':/,
    },
    does: unset('SCANTIMEOUT'),
  },
  {
    name: 'no scanner is named',
    breaks: set('QHPSI=none'),
    reported: {
      level: 'error',
      what: 'onescand',
      value: /^scans nothing: /,
      remedy:
        /^set QHPSI="plugin: clamd" in \/etc\/default\/onescand, then run systemctl restart onescand$/,
    },
    does: change('QHPSI="plugin: clamd"'),
  },
  {
    name: 'the scanner is that of the test file',
    breaks: change('QHPSI="plugin: eicar"'),
    reported: {
      level: 'warning',
      what: 'QHPSI [onescand]',
      value: /^plugin: eicar finds only the EICAR test file, so every virus is accepted$/,
    },
    does: unset('QHPSI'),
  },
  {
    name: 'mail that cannot be scanned is accepted',
    breaks: set('SCANFAIL=accept'),
    reported: {
      level: 'warning',
      what: 'unscanned mail [onescand]',
      value: /^is accepted if the scanners' result is unknown \(SCANFAIL=accept\)$/,
      remedy: /^set SCANFAIL=defer in /,
    },
    does: `${change('SCANFAIL=defer')}; ${unset('SCANFAIL')}`,
  },
  {
    name: 'the second look is switched off',
    breaks: set('SECONDLOOK=never'),
    reported: {
      level: 'warning',
      what: 'SECONDLOOK [onescand]',
      value: /^is never, so files that only mail clients extract are not scanned$/,
      remedy: /^unset SECONDLOOK in /,
    },
    does: unset('SECONDLOOK'),
  },
  {
    name: 'REJECTVIRUS comes before QUARANTINE',
    breaks: set('QUARANTINE=/var/lib/onescan/quarantine'),
    reported: {
      level: 'warning',
      what: 'QUARANTINE [onescand]',
      value: /^has no effect: REJECTVIRUS=1 refuses infected mail first$/,
      remedy: /^unset REJECTVIRUS in /,
    },
    does: unset('REJECTVIRUS'),
  },
  {
    name: 'the quarantine is open to others',
    breaks: `${KEEPS}; chmod 755 /var/lib/onescan/quarantine`,
    reported: {
      level: 'error',
      what: 'QUARANTINE [onescand]',
      value: /^\/var\/lib\/onescan\/quarantine has mode 0755: infected mail is deferred$/,
    },
  },
  {
    name: 'the quarantine has no room',
    breaks: `${KEEPS}; mount -t tmpfs -o size=64k,mode=700,uid=$(id -u onescan) tmpfs /var/lib/onescan/quarantine
      head -c 65536 /dev/zero >/var/lib/onescan/quarantine/full; ${RESTART}`,
    reported: {
      level: 'error',
      what: 'QUARANTINE [onescand]',
      value: /^\/var\/lib\/onescan\/quarantine: it is full, and infected mail is deferred$/,
      remedy: /^free space there, or use a larger file system$/,
    },
    does: `umount -l /var/lib/onescan/quarantine; ${RESTART}`,
  },
  {
    name: 'the quarantine is another directory, which is not there',
    breaks: `${KEEPS}; ${change('QUARANTINE=/srv/q')}`,
    reported: {
      level: 'error',
      what: 'QUARANTINE [onescand]',
      value: /^\/srv\/q does not exist: infected mail is deferred$/,
      remedy:
        /^install -d -m 700 -o \w+ \/srv\/q; then run systemctl edit onescand, add BindPaths=\/srv\/q below /,
    },
    does: `eval "$(onescan check --json 2>/dev/null | sed -n 's/.*"\\(install -d -m 700 -o [^;]*\\); then run.*/\\1/p' | head -1)" && mkdir -p /etc/systemd/system/onescand.service.d &&
      printf '[Service]\\nBindPaths=/srv/q\\n' >/etc/systemd/system/onescand.service.d/own.conf && systemctl daemon-reload && ${RESTART}`,
  },
  {
    name: 'neither refused nor kept',
    breaks: `rm -f /etc/systemd/system/onescand.service.d/own.conf; systemctl daemon-reload; ${KEEPS}; ${unset('QUARANTINE')}`,
    reported: {
      level: 'warning',
      what: 'infected mail [onescand]',
      value: /^is tagged and delivered$/,
      remedy: /^set REJECTVIRUS="1" to refuse infected mail, /,
    },
    does: set('REJECTVIRUS="1"'),
  },
  {
    name: 'the rules have another name',
    breaks: `echo 'to=ann@example.net REJECTVIRUS=0' >/etc/onescan/policy.txt`,
    reported: {
      level: 'warning',
      what: 'rules [onescand]',
      value: /^\/etc\/onescan\/policy\.txt is not read$/,
    },
  },
  {
    name: 'the bans are not read',
    breaks: `rm -f /etc/onescan/policy; printf 'name *.exe\\n' >/etc/onescan/badattachments; ${set('BADATTACHMENTS=/etc/onescan/badattachments')}`,
    reported: {
      level: 'warning',
      what: 'BADATTACHMENTS [onescand]',
      value:
        /^\/etc\/onescan\/badattachments bans nothing, since QHPSI does not list the plugin attachments$/,
      remedy: /^set QHPSI with the plugin attachments, such as "plugin: clamd attachments" in /,
    },
    does: set('QHPSI="plugin: clamd attachments"'),
  },
  {
    name: 'clamd does not have the bans',
    breaks: BANS,
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/clamd.ctl ARCHIVEBANS [onescand]',
      value: /^clamd does not have the list of BADATTACHMENTS: /,
      remedy: /^run onescan bans --install; /,
    },
    does: INSTALLS_BANS,
  },
  {
    name: 'clamd does not open RAR',
    breaks: `${BANS}; ${INSTALLS_BANS}`,
    reported: {
      level: 'warning',
      what: 'clamd /run/clamav/clamd.ctl ARCHIVEBANS RAR [onescand]',
      value: /^clamd does not open RAR: mail with banned names in it is accepted$/,
      remedy: /^install libclamunrar .*, or ban \*\.rar$/,
    },
    does: `echo 'name *.rar' >>/etc/onescan/badattachments; systemctl reload onescand; onescan bans --install; sleep 1
      ! onescan check | grep 'does not open RAR' && { ${unset('ARCHIVEBANS')}; ${unset('BADATTACHMENTS')}; ${unset('QHPSI')}; rm /var/lib/clamav/onescan-bans.*; }; clamdscan --reload`,
  },
  ...(
    [
      ['encrypted', 'AlertEncrypted yes'],
      ['macros', 'AlertOLE2Macros yes'],
      ['structured', 'StructuredDataDetection yes'],
      ['broken', 'AlertBrokenExecutables yes'],
    ] as const
  ).map(
    ([property, line]): Fault => ({
      name: `clamd does not report what FINDINGS ${property} is for`,
      breaks: set(`FINDINGS=${property}=tag`),
      reported: {
        level: 'error',
        what: `clamd /run/clamav/clamd.ctl FINDINGS ${property} [onescand]`,
        value: /^clamd does not report .*: they are delivered as clean$/,
        remedy: new RegExp(`^set "${line}" in its clamd\\.conf, and restart clamd$`),
      },
      does: `${ofClamd(line)}; ! onescan check | grep 'does not report' && { ${unset('FINDINGS')}; }`,
    }),
  ),
  {
    name: "clamd's socket is for its group",
    breaks: ofClamd('LocalSocketMode 660'),
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/clamd.ctl [onescand]',
      value: /cannot connect: mail is deferred$/,
    },
  },
  {
    name: "clamd's socket is for clamd alone",
    breaks: `gpasswd -d onescan clamav; ${ofClamd('LocalSocketMode 600')}; ${RESTART}`,
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/clamd.ctl [onescand]',
      value: /cannot connect: mail is deferred$/,
      remedy: /^set "LocalSocketMode 666" in its clamd\.conf, and restart clamd$/,
    },
    does: ofClamd('LocalSocketMode 666'),
  },
  {
    name: "the directory of clamd's socket is closed",
    breaks: 'chmod 700 /run/clamav',
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/clamd.ctl [onescand]',
      value: /cannot connect: mail is deferred$/,
      remedy:
        /^chmod a\+x \/run\/clamav; if it is closed again after a boot, add UMask=0022 below \[Service\] of clamd's unit$/,
    },
    does: 'chmod a+x /run/clamav',
  },
  {
    name: 'clamd does not open archives',
    breaks: ofClamd('ScanArchive no'),
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/clamd.ctl ScanArchive [onescand]',
      value: /^is off: viruses in archives are delivered as clean$/,
      remedy: /^set "ScanArchive yes" in its clamd\.conf, and restart clamd$/,
    },
    does: ofClamd('ScanArchive yes'),
  },
  {
    name: 'clamd has a public address',
    breaks: `ip addr add 192.0.2.7/32 dev lo; printf 'TCPSocket 3310\\nTCPAddr 192.0.2.7\\n' >>/etc/clamav/clamd.conf; systemctl restart clamav-daemon; ${CLAMD_ANSWERS}; ${set('CLAMD=192.0.2.7:3310')}`,
    reported: {
      level: 'error',
      what: 'clamd 192.0.2.7:3310 [onescand]',
      value: /\(IPAddressDeny=any\)$/,
      remedy:
        /^run systemctl edit onescand, add IPAddressAllow=192\.0\.2\.7 below \[Service\], then run systemctl restart onescand$/,
    },
    does: `mkdir -p /etc/systemd/system/onescand.service.d; printf '[Service]\\nIPAddressAllow=192.0.2.7\\n' >/etc/systemd/system/onescand.service.d/own.conf; systemctl daemon-reload; ${RESTART}`,
  },
  {
    name: 'onescand does not start when the host boots',
    breaks: `rm -f /etc/systemd/system/onescand.service.d/own.conf; sed -i '/^TCP/d' /etc/clamav/clamd.conf; systemctl daemon-reload; ${unset('CLAMD')}; systemctl disable onescand`,
    reported: {
      level: 'warning',
      what: 'onescand',
      value: /^runs, but is disabled: after a boot it does not run, and no client reaches it$/,
    },
  },
  {
    name: 'the settings have changed since the start',
    breaks: `sleep 3; echo '# a comment' >>/etc/default/onescand`,
    reported: {
      level: 'warning',
      what: 'onescand',
      value: /^\/etc\/default\/onescand has changed since onescand was started$/,
    },
  },
  {
    name: 'onescand runs without a group of its account',
    breaks: 'usermod -aG clamav onescan',
    reported: {
      level: 'warning',
      what: 'onescand',
      value: /^runs without the groups clamav, although onescan belongs to them$/,
    },
  },
  {
    name: 'onescand runs without a group of its account, and a setting is wrong',
    breaks: `usermod -aG mail onescan; sleep 3; echo 'SCANTIMEOUT=soon' >>/etc/default/onescand`,
    reported: {
      level: 'warning',
      what: 'onescand',
      value: /^runs without the groups mail, although onescan belongs to them$/,
      remedy:
        /^first correct the settings above, with which onescand would not start again; then: systemctl restart onescand$/,
    },
    does: unset('SCANTIMEOUT'),
  },
  {
    name: 'the keyring is for root alone',
    breaks: `${KEYRING}; chown root:root ${RING}; chmod 600 ${RING}; ${RESTART}`,
    reported: {
      level: 'error',
      what: 'keyring [onescand]',
      value:
        /^\/etc\/onescan\/keys\/clusterkeys is not readable by onescan .*: no stamps, all mail is scanned$/,
    },
  },
  {
    name: 'the directory of keyrings is closed',
    breaks: `${KEYRING}; chown root:root /etc/onescan/keys; chmod 700 /etc/onescan/keys; ${RESTART}`,
    reported: {
      level: 'error',
      what: 'keyring [onescand]',
      value: /is not readable by onescan /,
    },
  },
  {
    name: 'Postfix folds long lines of stamped mail',
    breaks: `${KEYRING}; ${postconf('smtp_line_length_limit=998')}`,
    reported: {
      level: 'warning',
      what: 'smtp_line_length_limit',
      value: /^is 998, so Postfix folds longer lines when it sends mail, which breaks the stamp$/,
    },
  },
  {
    name: 'the mode of the keyring lets others read it',
    breaks: `${KEYRING}; chmod 644 ${RING}; ${RESTART}`,
    reported: { level: 'error', what: 'onescand', value: /lets others read or change the keys/ },
    does: `chmod 640 ${RING}; ${RESTART}`,
  },
  {
    name: 'every key has expired',
    breaks: `${KEYRING}; ${EXPIRES}; systemctl reload onescand`,
    reported: {
      level: 'warning',
      what: 'keyring [onescand]',
      value: /^every key has expired: no message is stamped$/,
    },
  },
  {
    name: 'a key has expired',
    breaks: `${KEYRING}; grep -q until=2020 ${RING} || { ${EXPIRES}; onescan keygen --append ${RING}; }; systemctl reload onescand`,
    reported: {
      level: 'warning',
      what: 'key',
      value: /^expired on 2020-01-01$/,
      remedy: /^remove the line of this key from \/etc\/onescan\/keys\/clusterkeys$/,
    },
    does: `sed -i '/until=2020/d' ${RING}; systemctl reload onescand`,
  },
  {
    name: 'the keyring is in a home directory',
    breaks: `${KEYRING}; mkdir -p /root/keys; cp -p ${RING} /root/keys/ring; ${change('CLUSTERKEYS=/root/keys/ring')}`,
    reported: { level: 'error', what: 'keyring [onescand]', value: /./ },
    does: `${unset('CLUSTERKEYS')}; rm ${RING}; postconf -X smtp_line_length_limit; postfix reload`,
  },
  {
    name: 'the spool is closed',
    breaks: `chown root /var/spool/onescan; chmod 700 /var/spool/onescan; ${change('TMPDIR=/var/spool/onescan')}`,
    reported: {
      level: 'error',
      what: 'spool (TMPDIR) [onescand]',
      value: /is not writable by onescan .*: mail is deferred$/,
    },
  },
  {
    name: 'another directory for the spool is not there',
    breaks: change('TMPDIR=/srv/spool'),
    reported: { level: 'error', what: 'spool (TMPDIR) [onescand]', value: /./ },
    does: unset('TMPDIR'),
  },
  {
    name: 'the shared directory for scanners has no sticky bit',
    breaks: `${SHARED}; chmod 777 /var/spool/onescan/shared; ${RESTART}`,
    reported: {
      level: 'error',
      what: 'SPOOLDIR [onescand]',
      value: /without the sticky bit: it is not used, /,
    },
  },
  {
    name: 'the shared directory is open to all',
    breaks: `${SHARED}; chmod 3777 /var/spool/onescan/shared`,
    reported: { level: 'warning', what: 'SPOOLDIR [onescand]', value: /: open to all users$/ },
  },
  {
    name: 'files of the shared directory get no group',
    breaks: `${SHARED}; chmod g-s /var/spool/onescan/shared`,
    reported: {
      level: 'warning',
      what: 'SPOOLDIR [onescand]',
      value: /: files get the group of the process, not of the directory$/,
    },
  },
  {
    name: 'the shared directory is missing',
    breaks: `${SHARED}; rmdir /var/spool/onescan/shared`,
    reported: {
      level: 'warning',
      what: 'SPOOLDIR [onescand]',
      value: /: no scanner in QHPSI uses it$/,
      remedy: /^unset SPOOLDIR in /,
    },
    does: unset('SPOOLDIR'),
  },
  {
    name: 'the log has a relative name',
    breaks: set('LOGFILE=log'),
    reported: { level: 'warning', what: 'LOGFILE [onescand]', value: /^log is relative, / },
    does: unset('LOGFILE'),
  },
  {
    name: 'the service of quotas does not run',
    breaks: `dpkg -i /onescan-quotad.deb; systemctl stop onescan-quotad.socket onescan-quotad; ${set('QUOTAD="quotad:127.0.0.1:8625"')}`,
    reported: {
      level: 'warning',
      what: 'QUOTAD [onescand]',
      value: /, so no mailbox is treated as full$/,
      remedy: /^on its host, run systemctl enable --now onescan-quotad\.socket onescan-quotad, /,
    },
    does: `systemctl enable --now onescan-quotad.socket onescan-quotad && onescan check | grep '^ok.* QUOTAD' && { ${unset('QUOTAD')}; }`,
  },
]

const faultsOfService: readonly Fault[] = [
  {
    name: 'what onescand needs before its start is masked',
    breaks: 'systemctl mask onescan-root.service',
    reported: {
      level: 'error',
      what: 'onescand',
      value: /^runs, but cannot be started again: onescan-root\.service is masked$/,
    },
  },
  {
    name: 'onescand was stopped, and what it needs before its start is masked',
    breaks:
      'systemctl mask onescan-root.service; systemctl stop onescand.socket onescan-milter.socket onescan-policy.socket onescan-postfix.socket onescand',
    reported: { level: 'error', what: 'onescand', value: /^does not answer \(inactive\)$/ },
  },
  {
    name: 'onescand hangs, after a start that failed',
    breaks: `${set('SCANTIMEOUT=x')}; ${unset('SCANTIMEOUT')}; kill -STOP $(cat /sys/fs/cgroup/system.slice/onescand.service/cgroup.procs)`,
    reported: { level: 'error', what: 'onescand', value: /^does not answer \(active\)$/ },
    // Why a start failed before is not why it hangs.
    does: `! onescan check | grep logged: && systemctl restart onescand`,
  },
  {
    name: 'the directory of the sockets for Postfix was removed',
    breaks: 'rm -r /var/spool/postfix/onescan; sleep 1',
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value: /milter\.sock does not exist: Postfix defers all mail$/,
      remedy: new RegExp(`^${LISTENS_AGAIN}$`),
    },
    // What systemd logs about each start and end is no error.
    does: `! onescan check | grep -E 'logged: .(Start|onescand.service: Deactivated)' && ${LISTENS_AGAIN}`,
  },
]

const purged: Fault = {
  name: 'Postfix was purged, and its sockets went with it',
  breaks: `DEBIAN_FRONTEND=noninteractive apt-get purge --yes postfix; ${until('onescan check --daemon | grep "reports a clean"')}`,
  reported: {
    level: 'error',
    what: 'milter unix:/var/spool/postfix/onescan/milter.sock',
    value: /^\/var\/spool\/postfix\/onescan\/milter\.sock does not exist$/,
    remedy: new RegExp(`^${LISTENS_AGAIN}$`),
  },
  isLast: true,
}

/** Faults of Postfix with the milter, beside the list in broken-hosts.ts. */
export const furtherFaultsOfPostfix: readonly Fault[] = [
  ...faultsOfMainCf,
  ...faultsOfService,
  ...faultsOfSettings,
  ...faultsOfAgreement,
  ...faultsOfUnits,
  ...faultsByMail,
  purged,
]
