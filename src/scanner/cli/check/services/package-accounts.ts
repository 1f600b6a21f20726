import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { passwdEntryOf } from '../../../../base/process/passwd.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'

/** The files with the accounts of the packages, sysusers.d(5), by which their scripts create them. */
const DIRECTORY = '/usr/lib/sysusers.d'
/** The accounts of services, whose own checks report that they do not exist, each with a file of its name. */
const SERVICES = ['onescan', 'onescan-quotad'] as const

/** Returns the warnings that accounts of the installed packages, beside those of their services, do not exist. */
export function checkPackageAccounts(directory = DIRECTORY): CheckLine[] {
  const files = new Map<string, string>()
  for (const file of SERVICES.map((name) => join(directory, `${name}.conf`))) {
    const text = attempt(() => readFileSync(file, 'latin1')) ?? ''
    for (const [, name = ''] of text.matchAll(/^u (\S+)/gm)) files.set(name, file)
  }
  for (const name of SERVICES) files.delete(name)
  return [...files]
    .filter(([name]) => passwdEntryOf(name) === undefined)
    .map(([name, file]) =>
      warning(
        `account ${name}`,
        `does not exist, although programs of the package run as ${name}`,
        `systemd-sysusers ${shellWord(file)}`,
      ),
    )
}
