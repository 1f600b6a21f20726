import { chmodSync, chownSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Machine, ONESCAN } from '../machine.ts'
import type { SharedServers } from './shared-servers.ts'

/** Servers and files that set-ups may name. */
export interface Around extends SharedServers {
  readonly machine: Machine
  /** A directory of the machine that every process sees by this path, and onescand may write to. */
  readonly place: string
  /** A store that asks for a password, as HOST:PORT. */
  readonly store: string
  /** A directory of root's, which every process sees by this path. */
  readonly kept: string
  /** Writes a file below `kept`, of root's and onescand's group. */
  file(name: string, text: string, mode?: number): string
}

/** A host with Postfix and onescand that somebody may have, and the findings. */
export interface OnescandSetUp {
  readonly name: string
  /** Settings in /etc/default/onescand besides QHPSI, REJECTVIRUS and --milter. */
  readonly settings?: (around: Around) => Readonly<Record<string, string>>
  /** Changes the text of that file. */
  readonly written?: (lines: string) => string
  /** What `systemctl show` prints after `systemctl edit`, besides what it prints of the package's unit. */
  readonly edited?: (around: Around) => string
  /** The text of /etc/default/onescan-quotad, on a host where that service is enabled. */
  readonly quotad?: (around: Around) => string
  /** Options besides --milter. */
  readonly options?: (around: Around) => string
  /** The settings by which an onescand runs, if one does. Default: those of the file. */
  readonly runs?: 'with the file' | 'as it was' | 'not'
  /** The lines that `onescan check` must print. All other lines must be ok. */
  readonly check: readonly RegExp[]
  /** The lines that `onescand --check` must print. */
  readonly start?: readonly RegExp[]
}

type Settings = NonNullable<OnescandSetUp['settings']>

const clamd = (address: (around: Around) => string): Settings => {
  return (around: Around) => {
    return { QHPSI: 'plugin: clamd', CLAMD: address(around), CLAMDMAXSIZE: '200K' }
  }
}
const settings = (all: Record<string, string>) => () => all
const HMAC = `hmac-sha256:mine:${Buffer.alloc(32, 7).toString('base64url')}\n`

const MAILBOXES = 'QUOTAMAILBOX="maildir:~/Maildir"\nQUOTAUSERS="passwd"\n'

const ONE_SIGNATURE =
  /^warning clamd \S+ \[onescand\]: \d+ signatures? in \S+: ClamAV has millions; run fresh/
const UNDATED = /^warning clamd \S+ \[onescand\]: answers, .*signatures without a date/

/** The finding of a host with keys: Postfix folds long lines. */
const FOLDS = /^warning smtp_line_length_limit: 998/

export const setUps: readonly OnescandSetUp[] = [
  {
    name: 'all is well',
    check: [/^ok smtp\/inet: asks onescand at unix:/, /^ok door \[onescand\]: mil/],
  },
  // Plugins: all mail is deferred, clean or not
  {
    name: 'a plugin throws when it is loaded',
    settings({ file, kept }) {
      file('mine.mjs', 'throw new Error("no licence")')
      return { QHPSI: 'plugin: mine.mjs eicar', PLUGINDIR: kept }
    },
    check: [/^error scanner mine\.mjs \[onescand\]: cannot tell: plugin mine\.mjs/],
    start: [/^error: scanner mine\.mjs: cannot tell: /],
  },
  {
    name: 'a plugin that is not there',
    settings: settings({ QHPSI: 'plugin: gone.mjs eicar', PLUGINDIR: '/nonexistent' }),
    runs: 'not',
    check: [
      /^error settings \[onescand\]: QHPSI: plugin gone\.mjs: .*: onescand does not start with it/,
    ],
    start: [/^error: settings: QHPSI: plugin gone\.mjs: /],
  },
  // clamd
  {
    name: 'AlertExceedsMax is off',
    settings: clamd(({ laxClamd }) => laxClamd),
    check: [
      UNDATED,
      /^error clamd \S+ AlertExceedsMax \[onescand\]: is off: viruses deep in .*; set "AlertExceedsMax yes"/,
    ],
  },
  {
    name: 'clamd has one signature',
    settings: (around) => ({
      ...clamd(({ clamd }) => clamd)(around),
      CLAMDBDIR: `${dirname(around.clamd)}/db`,
    }),
    check: [ONE_SIGNATURE],
  },
  {
    name: 'another program listens where CLAMD says',
    settings: clamd(({ taken }) => taken),
    check: [/^error clamd \S+ \[onescand\]: .*; .*see that CLAMD names (a clamd|its LocalSocket)/],
  },
  // Names and forms of settings
  {
    name: 'QHPSI is misspelt',
    written: (lines) => lines.replace('QHPSI=', 'QHSPI='),
    check: [
      /^error onescand \d+: scans nothing: QHPSI is not set/,
      /^warning settings \[onescand\]: QHSPI is not a setting: .*; did you mean QHPSI\?/,
    ],
    start: [/^warning: settings: QHSPI is not a setting/, /^warning: settings: QHPSI is not set/],
  },
  {
    name: 'blanks around =, which sh does not take',
    written: (lines) => lines.replace('REJECTVIRUS="1"', 'REJECTVIRUS = "1"'),
    check: [
      /^warning infected mail \[onescand\]: is tagged and delivered/,
      /^error \S+onescand\b.*: REJECTVIRUS = "1" has blanks around =: .*; write REJECTVIRUS="1"/,
    ],
  },
  {
    name: 'a value with blanks and without quotes',
    written: (lines) => lines.replace('QHPSI="plugin: eicar"', 'QHPSI=plugin: eicar'),
    check: [
      /^error onescand \d+: scans nothing/,
      /^error \S+onescand\b.*: QHPSI=plugin: eicar has blanks outside of quotes: .*; put quotes/,
    ],
  },
  {
    name: 'the file has line ends of Windows',
    written: (lines) => lines.replaceAll('\n', '\r\n'),
    runs: 'not',
    check: [
      /^error \S+onescand\b.*: \S+ has line ends of Windows \(CR LF\), .*; sed -i/,
      /^error settings \[onescand\]: [A-Z]+ ".*\\r": ends in a carriage return: .*sed -i/,
      /^error settings \[onescand\]: the options end in a carriage return: /,
    ],
  },
  {
    name: 'a comment behind a value, which systemd takes for a part of it',
    edited: () => '',
    written: (lines) => lines.replace('REJECTVIRUS="1"', 'REJECTVIRUS="1" # refuse'),
    check: [
      /^error \S+onescand\b.*: REJECTVIRUS="1" # refuse has a comment behind .*; write REJECTVIRUS="1", and/,
      /^warning onescand \d+: runs with REJECTVIRUS="1", and \S+ .*has "1# refuse"; restart it/,
    ],
  },
  // What keeps it from starting is said first, and nothing is asked that cannot answer
  {
    name: 'an option is misspelt',
    options: () => '--mliter inet:127.0.0.1:1',
    runs: 'not',
    check: [/^error settings \[onescand\]: --mliter: .*: onescand does not start with it; /],
  },
  {
    name: 'a policy by rule that its account cannot read',
    settings({ machine }) {
      machine.write('/etc/onescan/policy', 'to=a scan off\n', 0o600)
      return {}
    },
    runs: 'not',
    check: [/^error settings \[onescand\]: EACCES.*: \/etc\/onescan\/policy: onescand does not/],
  },
  {
    name: 'VERDICTS without a keyring',
    settings: ({ file, store }) => ({
      VERDICTS: `valkey://${store}`,
      VERDICTPASSWORD: file('password', 'secret\n', 0o640),
    }),
    runs: 'not',
    check: [
      /^error settings \[onescand\]: VERDICTS .*hosts that share verdicts need a key.*: onescand does not/,
    ],
  },
  // Keys
  {
    name: 'a keyring that its user cannot read',
    settings: ({ file }) => ({ CLUSTERKEYS: file('ring', HMAC, 0o600) }),
    check: [
      /^error keyring \[onescand\]: \S+ is not readable by \S+ .*: no stamps.*; chgrp/,
      FOLDS,
    ],
    start: [/^error: keyring: \S+ring is not readable by /],
  },
  {
    name: 'a keyring of the package that no setting names',
    settings({ machine }) {
      machine.write('/etc/onescan/keys/ring', HMAC, 0o640)
      return {}
    },
    check: [
      /^warning keyring \[onescand\]: none at \S+: .*, and \/etc\/onescan\/keys\/ring is not used; set CLUSTERKEYS=\/etc\/onescan\/keys\/ring$/,
    ],
  },
  // The store
  {
    name: 'the store does not answer',
    settings: ({ file, gone }) => ({
      VERDICTS: `valkey://${gone}`,
      CLUSTERKEYS: file('ring', HMAC, 0o640),
    }),
    check: [
      /^warning VERDICTS \[onescand\]: valkey:\S+: .*ECONNREFUSED.*; see that it runs/,
      FOLDS,
    ],
  },
  {
    name: 'the password of the store is wrong',
    settings: ({ file, store }) => ({
      VERDICTS: `valkey://${store}`,
      VERDICTPASSWORD: file('password', 'wrong\n', 0o640),
      CLUSTERKEYS: file('ring', HMAC, 0o640),
    }),
    check: [
      /^warning VERDICTS \[onescand\]: valkey:\S+: .*WRONGPASS.*; put the store's password into VERDICTPASSWORD/,
      FOLDS,
    ],
  },
  {
    name: 'a password that is open to all',
    settings: ({ file, store }) => ({
      VERDICTS: `valkey://${store}`,
      VERDICTPASSWORD: file('password', 'secret\n', 0o644),
      CLUSTERKEYS: file('ring', HMAC, 0o640),
    }),
    runs: 'not',
    check: [
      /^error settings \[onescand\]: VERDICTS .*mode 0644 lets everyone read it: onescand does not/,
      FOLDS,
    ],
    start: [/^error: settings: VERDICTS .*mode 0644 lets everyone read it; chmod 640/],
  },
  // Directories, quota
  {
    name: 'TMPDIR is not there',
    settings: settings({ TMPDIR: '/nonexistent' }),
    check: [/^error spool \(TMPDIR\) \[onescand\]: .*ENOENT.*; make the directory/],
  },
  {
    name: '/tmp is full',
    settings: ({ full }) => ({ TMPDIR: full }),
    check: [
      /^error spool \(TMPDIR\) \[onescand\]: \S+: it is full, and mail is deferred; free some/,
    ],
  },
  // systemctl edit
  {
    name: 'the file overrides what systemctl edit sets',
    edited: () => 'Environment=REJECTVIRUS=0',
    check: [/^ok smtp\/inet: asks onescand/],
  },
  {
    name: 'systemctl edit lets unscanned mail in, and onescand was not restarted since',
    edited: () => 'Environment=SCANTIMEOUT=100 "SCANFAIL=accept"',
    check: [
      /^warning unscanned mail \[onescand\]: is accepted .*; unset SCANFAIL/,
      /^warning onescand \d+: runs without SCANTIMEOUT="100", which \/etc\/default\/onescand and \/etc\/systemd\/\S+\/override\.conf has; restart it/,
      /^warning onescand \d+: runs without SCANFAIL="accept", which .*override\.conf has; restart it/,
    ],
  },
  {
    name: 'systemctl edit names a file that overrides, and is wrong',
    edited: ({ file }) => `EnvironmentFiles=${file('more', 'QHPSI="clamd"\n')} (ignore_errors=no)`,
    runs: 'not',
    check: [
      /^error settings \[onescand\]: QHPSI clamd: names a built-in plugin.*: onescand does not start with it; .*\(.*\/more and \S+override\.conf\)/,
    ],
  },
  {
    name: 'systemctl edit names a file that is not there',
    edited: () => 'EnvironmentFiles=/nonexistent/more (ignore_errors=no)',
    runs: 'not',
    check: [
      /^error \/nonexistent\/more.*: EnvironmentFile=\S+ is not there: systemd does not start onescand; make it, or write EnvironmentFile=-/,
    ],
  },
  {
    name: 'systemctl edit gives a command line that makes no sense',
    edited: () =>
      'ExecStart={ path=/usr/sbin/onescand ; argv[]=/usr/sbin/onescand --workers -1 $ONESCAND_OPTIONS ; ignore_errors=no }',
    runs: 'not',
    check: [
      /^error settings \[onescand\]: --workers -1: must be a whole number .*override\.conf\)/,
    ],
  },
  {
    name: 'a line begins with export, which systemd does not take',
    edited: () => 'Environment=REJECTVIRUS=1',
    written: (lines) => lines.replace('REJECTVIRUS=', 'export REJECTVIRUS='),
    check: [
      /^error \S+onescand\b.*: export REJECTVIRUS="1" begins with export, .*; write REJECTVIRUS="1"/,
    ],
  },
  {
    name: 'QUOTAD does not answer',
    settings: ({ gone }) => ({ QUOTAD: `http://${gone}/cgi-bin/quota.cgi` }),
    check: [/^warning QUOTAD \[onescand\]: .*; see that it runs/],
  },
  {
    name: 'onescan-quotad is well',
    quotad: () => MAILBOXES,
    check: [/^ok settings \[onescan-quotad\]: it would start/],
  },
  {
    name: 'onescan-quotad does not start with its settings',
    quotad: () => `${MAILBOXES}QUOTADEFAULT="-1G"\nONESCAN_QUOTAD_OPTIONS="--alow 192.0.2.1"\n`,
    check: [
      /^error settings \[onescan-quotad\]: QUOTADEFAULT -1G: must be .*: onescan-quotad does not start with it; .*\(\/etc\/default\/onescan-quotad\)/,
      /^error settings \[onescan-quotad\]: --alow: is not an option.*; did you mean --allow\?/,
    ],
  },
  // Scanners that find nothing, or take all mail for infected
  {
    name: 'the command of QHPSI finds nothing',
    settings: settings({ QHPSI: '/bin/true %s' }),
    check: [
      /^error onescand \d+: does not scan as it should: "EICAR: came out as clean"/,
      /^error scanner true \[onescand\]: .*viruses get in/,
    ],
  },
  {
    name: 'the command of QHPSI takes all mail for infected',
    settings: settings({ QHPSI: '/bin/false %s' }),
    check: [
      /^error onescand \d+: does not scan as it should: "a clean message: came out as infected/,
    ],
  },
  {
    name: 'VIRUSFORWARD is made void',
    settings: settings({ VIRUSFORWARD: 'a@example.org' }),
    check: [/^warning VIRUSFORWARD \[onescand\]: gets nothing: REJECTVIRUS=1 refuses/],
  },
  // The running onescand has other settings than the file
  {
    name: 'onescand was not restarted since a setting was changed',
    written: (lines) => lines.replace('REJECTVIRUS="1"', 'REJECTVIRUS="0"'),
    runs: 'as it was',
    check: [/^warning onescand \d+: runs with REJECTVIRUS="1", and \S+ has "0"; restart it/],
  },
  {
    name: 'onescand was not restarted since an option was added',
    options: () => '--workers 2',
    runs: 'as it was',
    check: [/^warning onescand \d+: runs without "--workers 2", which .*; restart it/],
  },
]

export function fileIn(kept: string, write: (path: string, text: string, mode: number) => void) {
  return (name: string, text: string, mode = 0o644): string => {
    const path = `${kept}/${name}`
    write(path, text, mode)
    chmodSync(path, mode)
    chownSync(path, 0, ONESCAN)
    return path
  }
}
