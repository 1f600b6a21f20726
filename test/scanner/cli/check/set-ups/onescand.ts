import { chmodSync, chownSync } from 'node:fs'
import { type Machine, ONESCAN } from '../machine.ts'

/** Files that set-ups may name. */
export interface Around {
  readonly machine: Machine
  /** A directory of the machine that every process sees by this path, and onescand may write to. */
  readonly place: string
  /** A directory of root's, which every process sees by this path. */
  readonly kept: string
  /** Writes a file below `kept`, of root's and onescand's group. */
  file(name: string, text: string, mode?: number): string
}

/** A host with Postfix and onescand that somebody may have, and the check lines. */
export interface OnescandSetUp {
  readonly name: string
  /** Settings in /etc/default/onescand besides QHPSI, REJECTVIRUS and --milter. */
  readonly settings?: (around: Around) => Readonly<Record<string, string>>
  /** Changes the text of that file. */
  readonly written?: (lines: string) => string
  /** The log of onescan-quotad, on a host with that service below supervise. */
  readonly quotad?: string
  /** The settings by which an onescand runs, if one does. Default: those of the file. */
  readonly runs?: 'with the file' | 'as it was' | 'not'
  /** The lines that `onescan check` must print. All other lines must be ok. */
  readonly check: readonly RegExp[]
  /** The lines that `onescand --check` must print. */
  readonly start?: readonly RegExp[]
}

const settings = (all: Record<string, string>) => () => all
const HMAC = `hmac-sha256:mine:${Buffer.alloc(32, 7).toString('base64url')}\n`

/** What hosts have in the directory of keyrings: the status page's token, and a certificate with its key. */
const notKeyrings: Readonly<Record<string, string>> = {
  'mx1.crt': '-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIUQm\n-----END CERTIFICATE-----\n',
  'mx1.key': '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49Ag\n-----END PRIVATE KEY-----\n',
  'page-token': 'oX0SyZqkKd0w3f2yqB4nVtEw\n',
}

/** Writes a file into the directory of keyrings that onescand, and nobody else, may read. */
function forOnescand(machine: Machine, name: string, text: string): void {
  const path = `/etc/onescan/keys/${name}`
  machine.write(path, text, 0o640)
  chownSync(machine.at(path), 0, ONESCAN)
}

/** The check line of a host with keys: Postfix folds long lines. */
const FOLDS = /^warning smtp_line_length_limit: 998/

export const setUps: readonly OnescandSetUp[] = [
  {
    name: 'all is well',
    check: [/^ok smtp\/inet: uses onescand at unix:/, /^ok milter \S+ \[onescand\]: scans with /],
  },
  // Plugins: all mail is deferred, clean or not
  {
    name: 'a plugin throws when it is loaded',
    settings({ file, kept }) {
      file('mine.mjs', 'throw new Error("no licence")')
      return { QHPSI: 'plugin: mine.mjs eicar', PLUGINDIR: kept }
    },
    check: [/^error scanner mine\.mjs \[onescand\]: returns no result: plugin mine\.mjs/],
    start: [/^error: scanner mine\.mjs: returns no result: /],
  },
  {
    name: 'a plugin that is not there',
    settings: settings({ QHPSI: 'plugin: gone.mjs eicar', PLUGINDIR: '/nonexistent' }),
    runs: 'not',
    check: [/^error onescand: logged: "error: settings: QHPSI: plugin gone\.mjs: /],
    start: [/^error: settings: QHPSI: plugin gone\.mjs: /],
  },
  // Names and forms of settings
  {
    name: 'QHPSI is none',
    written: (lines) => lines.replace(/QHPSI=.*/, 'QHPSI="none"'),
    check: [
      /^error onescand \d+: scans nothing: QHPSI names no scanner/,
      /^warning settings \[onescand\]: QHPSI names no scanner/,
    ],
    start: [/^warning: settings: QHPSI names no scanner/],
  },
  {
    name: 'blanks around =, which sh does not take',
    written: (lines) => lines.replace('REJECTVIRUS="1"', 'REJECTVIRUS = "1"'),
    check: [
      /^warning infected mail \[onescand\]: is tagged and delivered/,
      /^warning onescand: logged: ".*\/etc\/default\/onescand: .*REJECTVIRUS: not found"/,
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
    name: 'a quarantine that its unit does not show',
    settings({ machine, place, kept }) {
      machine.write('/run/systemd/notify', '')
      return { QUARANTINE: `${kept}/none`, REJECTVIRUS: '0', CONTROLDIR: place }
    },
    check: [
      /^error QUARANTINE \[onescand\]: \S+none does not exist: .*; install -d -m 700 -o 54321 \S+; then run systemctl edit onescand, add BindPaths=\S+none below \[Service\], /,
    ],
  },
  {
    name: 'a log in a directory that its unit does not show',
    settings({ machine, place, kept }) {
      machine.write('/run/systemd/notify', '')
      return { LOGFILE: `${kept}/none/log`, CONTROLDIR: place }
    },
    check: [
      /^warning paths \[onescand\]: LOGFILE \S+none: is not visible to onescand; create it if it is missing, then run systemctl edit /,
    ],
  },
  {
    name: 'a keyring of the package that no setting names',
    settings({ machine }) {
      for (const name of Object.keys(notKeyrings)) forOnescand(machine, name, notKeyrings[name]!)
      forOnescand(machine, 'ring', HMAC)
      return {}
    },
    check: [
      /^warning keyring \[onescand\]: none at \S+: .*, and \/etc\/onescan\/keys\/ring is not used; set CLUSTERKEYS=\/etc\/onescan\/keys\/ring in /,
    ],
  },
  {
    name: 'files beside keyrings that are none',
    settings({ machine }) {
      for (const name of Object.keys(notKeyrings)) forOnescand(machine, name, notKeyrings[name]!)
      return {}
    },
    check: [/^ok keyring \[onescand\]: none at \S+: no stamps, all mail is scanned$/],
  },
  // Quota
  {
    name: 'onescan-quotad is well',
    quotad: 'onescan: program=onescan-quotad event=serving\n',
    check: [/^ok onescan-quotad: runs under supervise/],
  },
  {
    name: 'onescan-quotad serves, and has a warning about its settings',
    quotad: 'warning: settings: x; y\nonescan: program=onescan-quotad event=serving\n',
    check: [
      /^ok onescan-quotad: runs under supervise/,
      /^warning onescan-quotad: logged: "warning: settings: x; y"/,
    ],
  },
  {
    name: 'onescan-quotad does not start with its settings',
    quotad: 'error: settings: --alow: is not an option; did you mean --allow?\n',
    check: [/^error onescan-quotad: logged: "error: settings: --alow: .*--allow\?"/],
  },
  // Scanners that find nothing, or take all mail for infected
  {
    name: 'the command of QHPSI finds nothing',
    settings: settings({ QHPSI: '/bin/true %s' }),
    check: [
      /^error onescand \d+: does not scan correctly: "EICAR: was reported as clean"/,
      /^error scanner true \[onescand\]: .*viruses are accepted/,
    ],
  },
  {
    name: 'the command of QHPSI takes all mail for infected',
    settings: settings({ QHPSI: '/bin/false %s' }),
    check: [
      /^error onescand \d+: does not scan correctly: "a clean message: was reported as infected/,
    ],
  },
  // The running onescand has other settings than the file
  {
    name: 'onescand was not restarted since a setting was changed',
    written: (lines) => lines.replace('REJECTVIRUS="1"', 'REJECTVIRUS="0"'),
    runs: 'as it was',
    check: [
      /^warning onescand: \/etc\/default\/onescand has changed since onescand was started; restart onescand as/,
    ],
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
