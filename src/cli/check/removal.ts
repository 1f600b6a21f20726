import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { installedQueue } from '../installed-queue.ts'
import { readRegularFile } from '../regular-file.ts'
import { error, type Finding, ok } from './finding.ts'
import { leadsInto, type Naming, namesUnder } from './names.ts'
import { readRunScript } from './run-script.ts'

/** What is removed, and where it may be named. */
export interface Removal {
  /** The directory of the programs, without links. */
  readonly home: string
  /** A link that the removal itself points to the real qmail-queue; none where npm installed. */
  readonly link: string | undefined
  /** Directories that are searched. */
  readonly searched: readonly string[]
  /** Those that hold directories of services, with a run script each. */
  readonly services: readonly string[]
  /** proc(5). */
  readonly processes: string
}

/** The link that the Debian package makes, for QMAILQUEUE to name. */
export const LINK = '/etc/onescan/queue'
/** Where the programs of the Debian package are, and of no other installation. */
const DEBIAN_HOME = '/usr/lib/onescan'
const SERVICES = ['/service', '/etc/service', '/etc/sv', '/var/service', '/var/qmail/supervise']
/** Where links stand that services start, and files that name programs. */
const SEARCHED = ['/etc', '/var/qmail/bin', '/var/qmail/control', ...SERVICES]

const REMEDY = `without it mail is deferred: name ${LINK} or the real qmail-queue, or take it out`

/** The installation that this program belongs to, on this host. */
export function removalHere(): Removal {
  const home = dirname(realpathSync(installedQueue()))
  return {
    home,
    link: home === DEBIAN_HOME ? LINK : undefined,
    searched: SEARCHED,
    services: SERVICES,
    processes: '/proc',
  }
}

/**
 * `onescan check --removal`: what still names the programs, and would have its mail
 * deferred without them. Files, links, the cdbs of tcprules, envdirs, and the
 * environment of processes that run.
 */
export function checkRemoval(removal: Removal): Finding[] {
  const { home, searched, services } = removal
  const files = [
    ...searched.flatMap((directory) => namesUnder(directory, home)),
    ...services.flatMap(envdirsOf).flatMap((directory) => namesUnder(directory, home)),
  ]
  const findings = [...distinct(files), ...processesOf(removal)].flatMap((naming) =>
    judge(naming, removal.link),
  )
  return findings.length > 0 ? findings : [ok('removal', `nothing names what is in ${home}`)]
}

function judge({ file, path }: Naming, link: string | undefined): Finding[] {
  if (file === link) return [ok(file, 'is pointed to the real qmail-queue by the removal')]
  if (path === link) return [ok(file, `names ${link}, which the removal takes care of`)]
  return [error(file, `names ${path}`, REMEDY)]
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
