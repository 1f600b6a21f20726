import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { DEFAULTS } from '../../shared/defaults-file.ts'
import { installedQueue } from '../../shared/installed-queue.ts'
import { error, type Finding, ok } from '../shared/finding.ts'
import { POSTFIX_CF } from './find.ts'
import { onescandAddresses } from './onescand-addresses.ts'
import { SENDMAIL_CF } from './sendmail.ts'
import { type ServerConfigurations, withoutOnescand } from './without-onescand.ts'

/** What is removed, and which programs may still ask it. */
export interface Installation {
  /** The directory of the programs, with links resolved. */
  readonly home: string
  /** The link that QMAILQUEUE names; it may be missing. */
  readonly link: string
  /**
   * Whether the removal itself points the link back to the real qmail-queue, as the Debian
   * package's does.
   */
  readonly pointsBack: boolean
  /** proc(5). */
  readonly processes: string
  /** Postfix and Sendmail name the places at which onescand listens, and not its program. */
  readonly servers: ServerConfigurations
  /** The file of onescand's settings, in which it says where it listens. */
  readonly defaults: string
}

/** The link that the Debian package makes for QMAILQUEUE. */
export const LINK = '/etc/onescan/queue'
/** Where only the Debian package has its programs. */
const DEBIAN_HOME = '/usr/lib/onescan'

/** The installation that this program belongs to, on this host. */
export function thisInstallation(): Installation {
  const home = dirname(realpathSync(installedQueue()))
  return {
    home,
    link: LINK,
    pointsBack: home === DEBIAN_HOME,
    processes: '/proc',
    servers: { postfix: dirname(POSTFIX_CF), sendmail: SENDMAIL_CF },
    defaults: DEFAULTS,
  }
}

/**
 * `onescan check --removal`: what still asks the programs, and what happens to that mail without
 * them. It looks at the link, and at the milters and policy services of Postfix and Sendmail. It
 * does not search files of other services: whoever could write one of them would choose what root
 * reads.
 */
export async function checkRemoval(removal: Installation): Promise<Finding[]> {
  return [
    ...checkLink(removal),
    ...(await withoutOnescand(removal.servers, onescandAddresses(removal))),
    ok('not searched', `what names ${removal.home} past the link: see doc/install.md, "The link"`),
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
    return false // it leads nowhere
  }
}
