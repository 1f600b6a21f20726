import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { pathExists } from '../../../../base/path/path-handle.ts'
import { passwdEntryOf } from '../../../../base/process/passwd.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { ACCOUNT } from '../../host/running-daemon.ts'

/** The accounts of services, whose own checks report that they do not exist. */
const SERVICES = [ACCOUNT, 'onescan-quotad'] as const
/** The program that creates the accounts in a file. Hosts without systemd may lack it. */
const SYSUSERS = '/usr/bin/systemd-sysusers'

/** Where files with accounts are, sysusers.d(5), by which packages, `make install` and npm's `setup` create them. */
interface Places {
  /** Directories with a file for each service, by its name. */
  readonly directories: readonly string[]
  /** The directory of `setup` and its file. */
  readonly npm: string
}

const places: Places = {
  directories: ['/usr/lib/sysusers.d', '/usr/local/lib/sysusers.d'],
  npm: join(import.meta.dirname, '../packaging/shipped'),
}

/** Returns the warnings that accounts which were created here, beside those of the services, no longer exist. */
export function checkPackageAccounts({ directories, npm }: Places = places): CheckLine[] {
  const ofPackages = directories.flatMap((directory) =>
    SERVICES.map((name) => join(directory, `${name}.conf`)),
  )
  // Before setup, npm has created none.
  const ofNpm = passwdEntryOf(ACCOUNT) === undefined ? [] : [join(npm, 'systemd/sysusers.conf')]
  const files = new Map<string, string>()
  for (const file of [...ofPackages, ...ofNpm]) {
    const text = attempt(() => readFileSync(file, 'latin1')) ?? ''
    for (const [, name = ''] of text.matchAll(/^u (\S+)/gm)) files.set(name, file)
  }
  for (const name of SERVICES) files.delete(name)
  const isThere = attempt(() => pathExists(SYSUSERS)) ?? false
  return [...files]
    .filter(([name]) => passwdEntryOf(name) === undefined)
    .map(([name, file]) =>
      warning(
        `account ${name}`,
        `does not exist, although programs of the package run as ${name}`,
        isThere || !ofNpm.includes(file)
          ? `systemd-sysusers ${shellWord(file)}`
          : `sh ${shellWord(join(npm, 'setup'))}`,
      ),
    )
}
