import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { DEFAULTS } from '../../shared/defaults-file.ts'
import { installedQueue } from '../../shared/installed-queue.ts'
import { PROCESSES } from '../../shared/running-daemons.ts'
import { error, type Finding, ok } from '../shared/finding.ts'
import { POSTFIX_CF } from './find.ts'
import { onescandAddresses } from './onescand-addresses.ts'
import { SENDMAIL_CF } from './sendmail.ts'
import { type ServerConfigurations, withoutOnescand } from './without-onescand.ts'

/** An installation that is to be removed, and where to look for what still uses it. */
export interface Installation {
  /** The directory of the programs, with links resolved. */
  readonly home: string
  /** The link that QMAILQUEUE names; it may be missing. */
  readonly link: string
  /** Whether the removal points the link back to the real qmail-queue, as the Debian package does. */
  readonly pointsBack: boolean
  /** proc(5). */
  readonly processes: string
  /** The configurations of Postfix and Sendmail, which name the addresses at which onescand listens. */
  readonly servers: ServerConfigurations
  /** The file of onescand's settings, in which it says where it listens. */
  readonly defaults: string
}

/** The link that the Debian package makes for QMAILQUEUE. */
export const LINK = '/etc/onescan/queue'
/** The directory in which only the Debian package has its programs. */
const DEBIAN_HOME = '/usr/lib/onescan'

/** The installation that this program belongs to. */
export function thisInstallation(): Installation {
  const home = dirname(realpathSync(installedQueue()))
  return {
    home,
    link: LINK,
    pointsBack: home === DEBIAN_HOME,
    processes: PROCESSES,
    servers: { postfix: dirname(POSTFIX_CF), sendmail: SENDMAIL_CF },
    defaults: DEFAULTS,
  }
}

/**
 * `onescan check --removal`: finds what still uses the programs, and says what happens to its mail
 * without them. It looks at the link, and at the milters and policy services of Postfix and Sendmail.
 * Files of other services are not searched: a user who may write one of them could choose what root
 * reads.
 */
export async function checkRemoval(removal: Installation): Promise<Finding[]> {
  return [
    ...checkLink(removal),
    ...(await withoutOnescand(removal.servers, onescandAddresses(removal))),
    ok(
      'not searched',
      `files that name ${removal.home} without the link: see doc/install.md, "The link"`,
    ),
  ]
}

function checkLink({ home, link, pointsBack }: Installation): Finding[] {
  if (!leadsInto(home, link)) return []
  if (pointsBack) return [ok(link, 'leads to the real qmail-queue after the removal')]
  const remedy = `ln -sfn /var/qmail/bin/qmail-queue ${link}: without it mail is deferred`
  return [error(link, `leads to ${realpathSync(link)}`, remedy)]
}

/** Whether the link leads into the directory `home`. */
function leadsInto(home: string, link: string): boolean {
  try {
    return realpathSync(link).startsWith(`${home}/`)
  } catch {
    return false // the link leads nowhere
  }
}
