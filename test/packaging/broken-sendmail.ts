import type { Fault } from './broken-hosts.ts'

/** Faults of the host with Sendmail: its configuration, its files and its queues. */

const MC = '/etc/mail/sendmail.mc'
const EXAMPLE = '/usr/share/onescan/examples/sendmail/sendmail.mc'
/** Builds sendmail.cf, as the page does. A script of Debian ends with 1 if it changed something. */
const BUILD = 'make -C /etc/mail && systemctl restart sendmail'
const ofMc = (change: string) => `sed -i '${change}' ${MC}; ${BUILD}`
const define = (name: string, value: string) =>
  `sed -i "/^MAILER_DEFINITIONS/i define(\\\`${name}', ${value})dnl" ${MC}; ${BUILD}`
const undefine = (name: string) => ofMc(`/${name}/d`)
const RESTART = 'systemctl restart sendmail'
const ACCESS = '/etc/mail/access'

export const faultsOfSendmail: readonly Fault[] = [
  {
    name: 'the line of the milter is gone',
    breaks: ofMc('/onescan/d'),
    reported: {
      level: 'warning',
      what: 'Sendmail',
      value: /^no filter of \/etc\/mail\/sendmail\.cf uses onescand, /,
      remedy: /^cat .*\/sendmail\.mc >>\/etc\/mail\/sendmail\.mc && make -C \/etc\/mail && /,
    },
  },
  {
    name: 'the line of the milter was written, and sendmail.cf was not built',
    breaks: `${ofMc('/onescan/d')}; sleep 1; cat ${EXAMPLE} >>${MC}`,
    reported: {
      level: 'warning',
      what: 'Sendmail',
      value: /^no filter of \/etc\/mail\/sendmail\.cf uses onescand, /,
      remedy: /^make -C \/etc\/mail && systemctl restart sendmail$/,
    },
  },
  {
    name: 'Sendmail waits for a second for the milter',
    breaks: ofMc('s/R:30s/R:1s/'),
    reported: {
      level: 'warning',
      what: 'filter onescan of Sendmail',
      value: /^waits for 1 s \(R\), and onescand may need 10 s on a busy host$/,
      remedy: /^set R:30s for this filter in sendmail\.mc, /,
    },
    does: ofMc('s/R:1s/R:30s/'),
  },
  {
    name: 'sendmail.mc has changed, and sendmail.cf was not built',
    breaks: `sed -i 's/R:30s/R:40s/' ${MC}`,
    reported: {
      level: 'warning',
      what: 'Sendmail',
      value:
        /^\/etc\/mail\/sendmail\.mc has changed since \/etc\/mail\/sendmail\.cf was built from it$/,
    },
  },
  {
    name: 'sendmail.cf was built, and Sendmail was not restarted',
    breaks: `sed -i 's/R:40s/R:30s/' ${MC}; make -C /etc/mail`,
    reported: {
      level: 'warning',
      what: 'Sendmail',
      value: /^\/etc\/mail\/sendmail\.cf has changed since Sendmail was started$/,
      remedy: /^systemctl restart sendmail$/,
    },
  },
  {
    name: 'Sendmail accepts mail while onescand is down',
    breaks: ofMc('s/, F=T,/,/'),
    reported: {
      level: 'error',
      what: 'filter onescan of Sendmail',
      value: /^F=: while onescand is down, Sendmail accepts mail unscanned$/,
      remedy: /^set F=T for this filter in sendmail\.mc, then run /,
    },
    does: ofMc('s/milter\\.sock, T=/milter.sock, F=T, T=/'),
  },
  {
    name: 'Sendmail refuses mail while onescand is down',
    breaks: ofMc('s/, F=T,/, F=R,/'),
    reported: {
      level: 'warning',
      what: 'filter onescan of Sendmail',
      value: /^F=R: while onescand is down, Sendmail refuses all mail permanently$/,
    },
    does: ofMc('s/, F=R,/, F=T,/'),
  },
  {
    name: 'Sendmail waits for less time than a scan may take',
    breaks: ofMc('s/E:5m/E:10s/'),
    reported: {
      level: 'warning',
      what: 'filter onescan of Sendmail',
      value: /^waits for 10 s \(E\), and a scan may take /,
      remedy: /^set E:5m for this filter in sendmail\.mc, then run /,
    },
    does: ofMc('s/E:10s/E:5m/'),
  },
  {
    name: 'the filter names another socket',
    breaks: ofMc('s,onescan/milter.sock,onescan/mail.sock,'),
    reported: {
      level: 'error',
      what: 'filter onescan of Sendmail',
      value:
        /^uses local:\/run\/onescan\/mail\.sock, where onescand does not listen: Sendmail defers all mail$/,
      remedy: /^set S=local:\/run\/onescan\/milter\.sock in sendmail\.mc, then run /,
    },
    does: ofMc('s,onescan/mail.sock,onescan/milter.sock,'),
  },
  {
    name: 'a daemon has filters of its own',
    breaks: `sed -i "s/Name=MTA-v4,/Name=MTA-v4, InputMailFilters=,/" ${MC}; ${BUILD}`,
    reported: {
      level: 'error',
      what: 'daemon MTA-v4 of Sendmail',
      value: /^does not use the filter onescan: it is not in InputMailFilters= of its own, /,
      remedy: /^remove InputMailFilters= from its DAEMON_OPTIONS in sendmail\.mc, /,
    },
    does: ofMc('s/ InputMailFilters=,//'),
  },
  {
    name: 'others may write to the directory of the socket',
    breaks: 'chmod 0775 /run/onescan',
    reported: {
      level: 'error',
      what: 'filter onescan of Sendmail',
      value:
        /^Sendmail regards \/run\/onescan\/milter\.sock as unsafe, since others than the owner may write to \/run\/onescan: Sendmail defers all mail$/,
    },
  },
  {
    name: 'the socket of the milter is masked',
    breaks: 'systemctl mask --now onescan-milter.socket; systemctl restart onescand',
    reported: {
      level: 'error',
      what: 'filter onescan of Sendmail',
      value: /: Sendmail defers all mail$/,
    },
  },
  {
    name: 'all users may write to /etc/mail, and Sendmail was restarted',
    breaks: `chmod 0777 /etc/mail; ${RESTART}`,
    reported: {
      level: 'error',
      what: 'Sendmail',
      value: /^is not running: it logged ".*World writable directory"$/,
    },
  },
  {
    name: 'a group may write to /etc/mail while Sendmail runs',
    breaks: 'chmod 0775 /etc/mail',
    reported: {
      level: 'warning',
      what: 'Sendmail',
      value: /^runs, but cannot be started again: it reads no files below \/etc\/mail, /,
    },
  },
  {
    name: 'the queue of Sendmail is gone',
    breaks: `rm -r /var/spool/mqueue; ${RESTART}`,
    reported: {
      level: 'error',
      what: 'Sendmail',
      value:
        /^cannot write to its queue, since smmta does not own \/var\/spool\/mqueue: no mail is accepted$/,
    },
  },
  {
    name: 'the queue of Sendmail belongs to another account',
    breaks: `chown you: /var/spool/mqueue; chmod 0700 /var/spool/mqueue; ${RESTART}`,
    reported: {
      level: 'error',
      what: 'Sendmail',
      value:
        /^cannot write to its queue, since smmta does not own \/var\/spool\/mqueue: no mail is accepted$/,
    },
  },
  {
    name: 'the queue of local mail is closed to its group',
    breaks: 'chmod 0700 /var/spool/mqueue-client',
    reported: {
      level: 'error',
      what: 'Sendmail',
      value: /^the group smmsp cannot write to \/var\/spool\/mqueue-client: /,
    },
  },
  {
    name: 'the queue of local mail is gone',
    breaks: 'rm -r /var/spool/mqueue-client',
    reported: {
      level: 'error',
      what: 'Sendmail',
      value: /^the group smmsp cannot write to \/var\/spool\/mqueue-client: /,
    },
  },
  {
    name: 'the program for local mail has lost its set-group-ID bit',
    breaks: 'chmod g-s /usr/libexec/sendmail/sendmail',
    reported: {
      level: 'error',
      what: 'Sendmail',
      value: /^\/usr\/libexec\/sendmail\/sendmail does not run with the group smmsp: /,
    },
  },
  {
    name: 'the program for local mail belongs to another group',
    breaks: 'chgrp mail /usr/libexec/sendmail/sendmail; chmod 2755 /usr/libexec/sendmail/sendmail',
    reported: {
      level: 'error',
      what: 'Sendmail',
      value: /^\/usr\/libexec\/sendmail\/sendmail does not run with the group smmsp: /,
    },
  },
  {
    name: 'the disk has fewer free blocks than Sendmail wants',
    breaks: define('confMIN_FREE_BLOCKS', '99999999999'),
    reported: {
      level: 'error',
      what: 'queue of Sendmail',
      value:
        /^needs .+ \(MinFreeBlocks\), with .+ free in \/var\/spool\/mqueue: Sendmail defers all mail$/,
      remedy: /^lower confMIN_FREE_BLOCKS in sendmail\.mc, then run /,
    },
    does: undefine('confMIN_FREE_BLOCKS'),
  },
  {
    name: 'Sendmail refuses connections while the host is busy',
    breaks: ofMc('s/confREFUSE_LA., 1000/confREFUSE_LA\\x27, 0/'),
    reported: {
      level: 'warning',
      what: 'Sendmail',
      value: /^refuses connections while the load average is 0 or more \(RefuseLA\), /,
    },
    does: ofMc('s/confREFUSE_LA., 0/confREFUSE_LA\\x27, 1000/'),
  },
  {
    name: 'Sendmail was stopped',
    breaks: 'systemctl stop sendmail',
    reported: { level: 'error', what: 'Sendmail', value: /^is not running: it was stopped$/ },
    does: `${RESTART}`,
  },
  {
    name: 'Sendmail does not start when the host boots',
    breaks: 'systemctl disable sendmail',
    reported: { level: 'warning', what: 'sendmail', value: /^runs, but .*after a boot / },
  },
  {
    name: 'onescand was stopped, and Sendmail defers mail',
    breaks: 'systemctl stop onescand.socket onescan-milter.socket onescand',
    reported: { level: 'error', what: 'onescand', value: /^does not answer \(inactive\)$/ },
  },
  {
    name: 'the access map refuses mail of this host',
    breaks: `printf 'Connect:127.0.0.1 REJECT\\n' >>${ACCESS}; make -C /etc/mail`,
    reported: { level: 'ok', what: 'filter onescan of Sendmail', value: /^uses / },
    // Only mail shows that.
    does: `onescan check --mail you@example.org | grep 'port 25: accepts no mail for you@example.org from this host: 550 5\\.7\\.1 .*Access denied' && sed -i '/^Connect:127/d' ${ACCESS} && make -C /etc/mail`,
  },
  {
    name: 'the making of the access map was broken off',
    breaks: ': >/etc/mail/access.db; systemctl restart sendmail; sleep 1',
    byMail: true,
    reported: {
      level: 'error',
      what: 'port 25, clean mail',
      value: /the mail server logged: ".*: Cannot open hash database \/etc\/mail\/access\.db: /,
      remedy: /^run touch .*, then make -C \/etc\/mail && systemctl restart sendmail$/,
    },
    does: `touch ${ACCESS} && make -C /etc/mail && systemctl restart sendmail; sleep 1`,
  },
  {
    name: 'the queue of Sendmail is on a file system that is read-only',
    breaks: `systemctl stop sendmail; mount -t tmpfs -o size=16m tmpfs /mnt; cp -a /var/spool/mqueue/. /mnt; chown --reference=/var/spool/mqueue /mnt; chmod --reference=/var/spool/mqueue /mnt
      mount --move /mnt /var/spool/mqueue; mount -o remount,ro /var/spool/mqueue; systemctl start sendmail; sleep 1`,
    reported: {
      level: 'error',
      what: 'queue of Sendmail',
      value:
        /^the file system of \/var\/spool\/mqueue is mounted read-only: Sendmail accepts no mail$/,
      remedy: /^dmesg shows whether the disk has errors; if not, mount -o remount,rw /,
    },
    does: 'mount -o remount,rw "$(findmnt -no TARGET -T /var/spool/mqueue)"; systemctl restart sendmail; sleep 1',
    restores:
      'systemctl stop sendmail; umount /var/spool/mqueue; systemctl start sendmail; sleep 1',
  },
]
