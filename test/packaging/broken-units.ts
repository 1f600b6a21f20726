import { type Fault, set, unset } from './broken-hosts.ts'

/**
 * Faults of units of systemd, packages and directories on the host with Postfix and the milter, of which the programs that fail do
 * not know the cause.
 */

const UNITS = '/etc/systemd/system'

/** What `systemctl edit` does with the unit of a service. */
const edited = (service: string, lines: string) =>
  `mkdir -p ${UNITS}/${service}.service.d; printf '[Service]\\n${lines}\\n' >${UNITS}/${service}.service.d/own.conf
    systemctl daemon-reload; systemctl restart ${service}`
const asBefore = (service: string) =>
  `rm ${UNITS}/${service}.service.d/own.conf; systemctl daemon-reload`

/** A service in the place of one through which mail passes. */
const service = (name: string, command: string) =>
  `printf '[Service]\\nExecStart=${command}\\n[Install]\\nWantedBy=multi-user.target\\n' >${UNITS}/${name}.service
    systemctl daemon-reload`
const withoutService = (name: string) =>
  `systemctl disable --now ${name}; rm ${UNITS}/${name}.service; systemctl daemon-reload; systemctl reset-failed`

const forbids = (line: string) =>
  new RegExp(`^line 2 of \\S+/own\\.conf \\(${line}\\) forbids more than the package does, `)

export const faultsOfUnits: readonly Fault[] = [
  {
    name: 'an addition to the unit sets PrivateNetwork=yes, and clamd is at a port',
    breaks: `systemd-run --unit=over-tcp --socket-property=ListenStream=127.0.0.1:3310 /lib/systemd/systemd-socket-proxyd /run/clamav/clamd.ctl
      ${edited('onescand', 'PrivateNetwork=yes')}; ${set('CLAMD=127.0.0.1:3310')}`,
    reported: { level: 'warning', what: 'onescand.service', value: forbids('PrivateNetwork=yes') },
    restores: `${asBefore('onescand')}; ${unset('CLAMD')}; systemctl stop over-tcp.socket over-tcp.service`,
  },
  {
    name: "an addition to clamd's unit lets it write next to nothing",
    breaks: edited('clamav-daemon', 'LimitFSIZE=1000'),
    reported: {
      level: 'warning',
      what: 'clamav-daemon.service',
      value: forbids('LimitFSIZE=1000'),
      remedy: /^sed -i -E .* && systemctl daemon-reload && systemctl restart clamav-daemon$/,
    },
    restores: asBefore('clamav-daemon'),
  },
  {
    name: 'a file of the package is missing',
    breaks: 'rm /usr/share/onescan/defaults/onescand; systemctl restart onescand',
    reported: {
      level: 'warning',
      what: 'package onescan',
      value: /^\/usr\/share\/onescan\/defaults\/onescand is missing$/,
      remedy:
        /^apt-get install --reinstall onescan, or, if no repository has this version, dpkg -i with its file$/,
    },
    does: 'dpkg -i /onescan.deb && systemctl restart onescand',
  },
  {
    name: 'the host boots into the rescue target',
    breaks: 'systemctl set-default rescue.target',
    reported: {
      level: 'warning',
      what: 'default.target',
      value: /^is rescue\.target, so the next boot starts no mail server$/,
    },
    restores: 'systemctl set-default graphical.target',
  },
  {
    name: 'a mail filter runs, and does not start when the host boots',
    breaks: `${service('opendkim', 'sleep infinity')}; systemctl start opendkim`,
    reported: {
      level: 'warning',
      what: 'opendkim',
      value: /^runs, but is disabled: after a boot it does not run, and mail that needs it waits$/,
      remedy: /^systemctl enable opendkim$/,
    },
    restores: withoutService('opendkim'),
  },
  {
    name: 'a mail filter has failed',
    breaks: `${service('rspamd', 'sh -c "echo cannot read rspamd.conf; exit 1"')}; systemctl enable --now rspamd; sleep 2`,
    reported: {
      level: 'warning',
      what: 'rspamd',
      value: /^does not run: its start failed: "cannot read rspamd\.conf"$/,
      remedy: /^fix this error, then run systemctl restart rspamd$/,
    },
    does: withoutService('rspamd'),
  },
  {
    name: 'only root may write temporary files',
    breaks: 'chmod 755 /tmp; systemctl restart clamav-daemon; sleep 5',
    reported: { level: 'warning', what: '/tmp', value: /^has mode 0755: / },
  },
  {
    name: 'the server after the SMTP interface is down',
    breaks: set('ONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:9"'),
    reported: {
      level: 'error',
      what: 'next server inet:127.0.0.1:9 [onescand]',
      value: /: connection refused: /,
    },
    does: `! onescan check | grep 'does not scan correctly' && ${unset('ONESCAND_OPTIONS')}`,
  },
  {
    name: 'QHPSI names a scanner that does not exist',
    breaks: set('QHPSI="plugin: clamav"'),
    reported: {
      level: 'error',
      what: 'onescand',
      value:
        /: no such plugin; set QHPSI to some of clamd, .* in \/etc\/default\/onescand, then run systemctl restart onescand"$/,
    },
    does: unset('QHPSI'),
  },
]
