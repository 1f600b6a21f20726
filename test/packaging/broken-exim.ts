import {
  EXIM_ACL,
  EXIM_ANSWERS,
  type Fault,
  LOCALMACROS,
  ofExim,
  TEMPLATE,
} from './broken-hosts.ts'

/** Faults of the configuration of Exim, as Debian generates it. */

/** Of the host that passes mail to onescand over SMTP. */
export const furtherFaultsOfExim: readonly Fault[] = [
  {
    name: 'Exim does not listen at the port of scanned mail',
    breaks: `sed -i "s/^dc_local_interfaces=.*/dc_local_interfaces='127.0.0.1'/" ${EXIM_ANSWERS}; update-exim4.conf; systemctl restart exim4`,
    reported: {
      level: 'error',
      what: 'next server inet:127.0.0.1:10026',
      value: /; Exim runs, and does not listen there \(local_interfaces\)$/,
    },
  },
]

const CONF_D = '/etc/exim4/conf.d'
/** A line that Exim does not know, and the command that corrects it. */
const BOGUS = `sed -i '/^begin acl$/a bogus' ${TEMPLATE}`
const WITHOUT_BOGUS = `sed -i '/^bogus$/d' ${TEMPLATE} && update-exim4.conf && systemctl restart exim4`
const bogusLine: Fault['reported'] = {
  level: 'error',
  what: 'Exim',
  value:
    /^cannot start: its configuration has an error in line \d+ of \/etc\/exim4\/exim4\.conf\.template: "missing or malformed ACL name"$/,
  remedy: /^correct line \d+ of .*, then run update-exim4\.conf && systemctl restart exim4$/,
}

/** Of the host that uses onescand as clamd. */
export const faultsOfEximWithClamd: readonly Fault[] = [
  {
    name: 'an ACL accepts mail above the scanner',
    breaks: ofExim('/^deny malware/i accept hosts = 192.0.2.0/24 : 127.0.0.1'),
    reported: {
      level: 'warning',
      what: 'ACL acl_check_data of Exim',
      value:
        /^"accept hosts = 192\.0\.2\.0\/24 : 127\.0\.0\.1" is above the condition "malware": such mail is not scanned$/,
      remedy: /^move the statement with "malware" above it, then run /,
    },
    does: ofExim('/^accept hosts = 192/d'),
  },
  {
    name: 'a rule accepts mail that cannot be scanned',
    breaks: ofExim('s,^deny malware = \\*,&/defer_ok,'),
    reported: {
      level: 'error',
      what: 'ACL acl_check_data of Exim',
      value:
        /^"malware" has \/defer_ok: while onescand is down or cannot scan, Exim accepts mail unscanned$/,
      remedy: /^remove \/defer_ok there, then run /,
    },
    does: ofExim('s,/defer_ok,,'),
  },
  {
    name: 'a line that Exim does not know stops its start',
    breaks: `${BOGUS}; systemctl restart exim4`,
    reported: bogusLine,
    does: WITHOUT_BOGUS,
  },
  {
    name: 'a line that Exim does not know, while it runs as before',
    breaks: `${BOGUS}; update-exim4.conf`,
    reported: bogusLine,
    does: WITHOUT_BOGUS,
  },
  {
    name: 'the directory of the log of Exim is closed',
    breaks:
      'chown root: /var/log/exim4; chmod 0700 /var/log/exim4; systemctl restart exim4; systemctl reset-failed exim4',
    reported: {
      level: 'error',
      what: 'Exim',
      value: /^cannot start: its account Debian-exim may not write to \/var\/log\/exim4$/,
      remedy: /^chown Debian-exim \/var\/log\/exim4 && chmod /,
    },
  },
  {
    name: 'a part of the configuration has a dot in its name',
    breaks: `sed -i "s/^dc_use_split_config=.*/dc_use_split_config='true'/" ${EXIM_ANSWERS}
      cp ${LOCALMACROS} ${CONF_D}/main/00_onescan.conf; sed -i '/^acl_check_data:$/a ${EXIM_ACL}' ${CONF_D}/acl/40_exim4-config_check_data
      update-exim4.conf; systemctl restart exim4`,
    reported: {
      level: 'error',
      what: 'Exim',
      value:
        /^\/etc\/exim4\/conf\.d\/main\/00_onescan\.conf has lines for onescan, and is not read: update-exim4\.conf ignores a file whose name has other characters /,
      remedy:
        /^mv -n \/etc\/exim4\/conf\.d\/main\/00_onescan\.conf \/etc\/exim4\/conf\.d\/main\/00_onescan && update-exim4\.conf && /,
    },
    restores: `sed -i "s/^dc_use_split_config=.*/dc_use_split_config='false'/" ${EXIM_ANSWERS}; rm ${CONF_D}/main/00_onescan; update-exim4.conf; systemctl restart exim4`,
  },
]
