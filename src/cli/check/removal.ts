import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { installedQueue } from '../shared/installed-queue.ts'
import { readRegularFile } from '../shared/regular-file.ts'
import { POSTFIX_CF } from './mail-servers/find.ts'
import { DEFAULTS } from './mail-servers/milter.ts'
import { placesOfOnescand } from './mail-servers/places-of-onescand.ts'
import { SENDMAIL_CF } from './mail-servers/sendmail.ts'
import { type ServersToLookAt, withoutOnescand } from './mail-servers/without-onescand.ts'
import { leadsInto, type Naming, namesUnder } from './names.ts'
import { readRunScript } from './run-script.ts'
import { error, type Finding, ok } from './shared/finding.ts'

/** What is removed, and where it may be named. */
export interface Removal {
  /** The directory of the programs, without links. */
  readonly home: string
  /** A link that the removal itself points to the real qmail-queue; none if npm installed. */
  readonly link: string | undefined
  /** Directories that are searched. */
  readonly searched: readonly string[]
  /** Those that hold directories of services, with a run script each. */
  readonly services: readonly string[]
  /** proc(5). */
  readonly processes: string
  /** Postfix and Sendmail, which name where onescand listens and not its program. */
  readonly servers: ServersToLookAt
  /** The settings of onescand, where it says so. */
  readonly defaults: string
}

/** The link that the Debian package makes, for QMAILQUEUE to name. */
export const LINK = '/etc/onescan/queue'
/** Where the programs of the Debian package are, and of no other installation. */
const DEBIAN_HOME = '/usr/lib/onescan'
const SERVICES = ['/service', '/etc/service', '/etc/sv', '/var/service', '/var/qmail/supervise']
/** Where links stand that services start, and files that name programs. */
const SEARCHED = ['/etc', '/var/qmail/bin', '/var/qmail/control', ...SERVICES]

const REMEDY = `name ${LINK} or the real qmail-queue, or remove the line: without it mail is deferred`
/** Programs that stand elsewhere than in the slot, and what happens there without them. */
const OTHERS: Readonly<Record<string, string>> = {
  // qmail-spp's err_spp(): "qmail-spp failure: …: can't execute (#4.3.0)".
  'onescan-rcptquota': 'remove the line: without it qmail-spp answers each recipient 451',
  onescand: 'stop and remove the service: without it the service ends at once, again and again',
  'onescan-quotad':
    'stop and remove the service: without it the service ends at once, again and again',
  'smtp-delay': 'remove it and its options: without it the service starts no program',
}

/** The installation that this program belongs to, on this host. */
export function removalHere(): Removal {
  const home = dirname(realpathSync(installedQueue()))
  return {
    home,
    link: home === DEBIAN_HOME ? LINK : undefined,
    searched: SEARCHED,
    services: SERVICES,
    processes: '/proc',
    servers: { postfix: dirname(POSTFIX_CF), sendmail: SENDMAIL_CF },
    defaults: DEFAULTS,
  }
}

/**
 * `onescan check --removal`: what still names the programs or asks onescand, and what becomes
 * of its mail without them. Files, links, the cdbs of tcprules, envdirs, the environment of
 * processes that run; milters and policy services of Postfix and Sendmail.
 */
export async function checkRemoval(removal: Removal): Promise<Finding[]> {
  const { home, searched, services } = removal
  const files = [
    ...searched.flatMap((directory) => namesUnder(directory, home)),
    ...services.flatMap(envdirsOf).flatMap((directory) => namesUnder(directory, home)),
  ]
  const findings = [
    ...[...distinct(files), ...processesOf(removal)].flatMap((naming) =>
      judge(naming, removal.link),
    ),
    ...(await withoutOnescand(removal.servers, placesOfOnescand(removal))),
  ]
  return findings.length > 0 ? findings : [ok('removal', `nothing names the programs in ${home}`)]
}

function judge({ file, path }: Naming, link: string | undefined): Finding[] {
  if (file === link) return [ok(file, 'leads to the real qmail-queue after the removal')]
  if (path === link) return [ok(file, `names ${link}, which the removal takes care of`)]
  return [error(file, `names ${path}`, OTHERS[basename(path)] ?? REMEDY)]
}

/** Directories that the services' run scripts give to envdir, wherever they are. */
function envdirsOf(services: string): string[] {
  return entriesOf(services).flatMap((name) => {
    try {
      return readRunScript(readRegularFile(join(services, name, 'run'))).envdirs
    } catch {
      return [] // no service, or none that is started by a script
    }
  })
}

/** Who has it in QMAILQUEUE or QUEUECHAIN since he was started; as root of all users. */
function processesOf({ home, processes }: Removal): Naming[] {
  const others = entriesOf(processes).filter((name) => /^\d+$/.test(name))
  return others
    .filter((pid) => pid !== String(process.pid))
    .flatMap((pid) => {
      try {
        const variables = readFileSync(join(processes, pid, 'environ'), 'latin1').split('\0')
        const name = readFileSync(join(processes, pid, 'comm'), 'latin1').trim()
        return variables.flatMap((variable) => {
          const path = /^(?:QMAILQUEUE|QUEUECHAIN)=["']?([^\s"']+)/.exec(variable)?.[1]
          if (path === undefined || !leadsInto(home, path)) return []
          return [{ file: `process ${pid} (${name})`, path }]
        })
      } catch {
        return [] // has ended, or is not ours to read
      }
    })
}

/** One of those that are the same file by several ways, as /etc/service and /service. */
function distinct(namings: readonly Naming[]): Naming[] {
  const seen = new Map<string, Naming>()
  for (const naming of namings) {
    const place = `${realpathSync(dirname(naming.file))}/${basename(naming.file)}\0${naming.path}`
    if (!seen.has(place)) seen.set(place, naming)
  }
  return [...seen.values()]
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
