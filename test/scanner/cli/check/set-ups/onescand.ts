import { chownSync } from 'node:fs'
import { type Machine, ONESCAN } from '../machine.ts'

/** A host with Postfix and onescand that somebody may have, and the check lines. */
export interface OnescandSetUp {
  readonly name: string
  /** Puts more files on the machine. */
  readonly prepare?: (machine: Machine) => void
  /** Changes the text of /etc/default/onescand. */
  readonly written?: (lines: string) => string
  /** The log of onescan-quotad, on a host with that service below supervise. */
  readonly quotad?: string
  /** The lines that `onescan check` must print. All other lines must be ok. */
  readonly check: readonly RegExp[]
}

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

export const setUps: readonly OnescandSetUp[] = [
  {
    name: 'nothing is wrong',
    check: [/^ok smtp\/inet: uses onescand at unix:/, /^ok milter \S+ \[onescand\]: scans with /],
  },
  {
    name: 'blanks around =, which sh does not take',
    written: (lines) => lines.replace('REJECTVIRUS="1"', 'REJECTVIRUS = "1"'),
    check: [
      /^warning infected mail \[onescand\]: is tagged and delivered/,
      /^warning onescand: logged: ".*\/etc\/default\/onescand: .*REJECTVIRUS: not found"/,
    ],
  },
  {
    name: 'a keyring of the package that no setting names',
    prepare(machine) {
      for (const name of Object.keys(notKeyrings)) forOnescand(machine, name, notKeyrings[name]!)
      forOnescand(machine, 'ring', HMAC)
    },
    check: [
      /^warning keyring \[onescand\]: none at \S+: .*, and \/etc\/onescan\/keys\/ring is not used; set CLUSTERKEYS=\/etc\/onescan\/keys\/ring in /,
    ],
  },
  {
    name: 'files beside keyrings that are none',
    prepare(machine) {
      for (const name of Object.keys(notKeyrings)) forOnescand(machine, name, notKeyrings[name]!)
    },
    check: [/^ok keyring \[onescand\]: none at \S+: no stamps, all mail is scanned$/],
  },
  {
    name: 'onescan-quotad serves',
    quotad: 'onescan: program=onescan-quotad event=serving\n',
    check: [/^ok onescan-quotad: has a run script under supervise/],
  },
  {
    name: 'onescan-quotad serves, and has a warning about its settings',
    quotad: 'warning: settings: x; y\nonescan: program=onescan-quotad event=serving\n',
    check: [
      /^ok onescan-quotad: has a run script under supervise/,
      /^warning onescan-quotad: logged: "warning: settings: x; y"/,
    ],
  },
  {
    name: 'onescan-quotad does not start with its settings',
    quotad: 'error: settings: --alow: is not an option; did you mean --allow?\n',
    check: [/^error onescan-quotad: logged: "error: settings: --alow: .*--allow\?"/],
  },
  {
    name: 'the command of QHPSI finds nothing',
    written: (lines) => lines.replace(/QHPSI=.*/, 'QHPSI="/bin/true %s"'),
    // Its self-test, which only repeats this, is not mentioned.
    check: [/^error scanner true \[onescand\]: .*viruses are accepted/],
  },
  {
    name: 'the command of QHPSI takes all mail for infected',
    written: (lines) => lines.replace(/QHPSI=.*/, 'QHPSI="/bin/false %s"'),
    check: [
      /^error onescand \d+: does not scan correctly: "a clean message: was reported as infected/,
    ],
  },
]
