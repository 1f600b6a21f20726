import { readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '../../../ground/errors/fault.ts'
import { readOwnText } from '../../../ground/path/read.ts'
import { error, type Finding, warning } from '../shared/finding.ts'

/** The directories in which daemontools, runit and s6 look for services. */
const SERVICES = ['/service', '/etc/service', '/var/service', '/run/service']
/** The most services that are looked at. */
const MOST = 200
/** A script that names one of these runs an SMTP service of qmail. */
const SMTP = /\b(qmail-smtpd|qmail-qmtpd|qmail-smtpd-[a-z]+)\b/

/** The run scripts of SMTP services on this host, and findings about those that could not be read. */
export interface RunScripts {
  readonly files: readonly string[]
  readonly findings: readonly Finding[]
}

/**
 * Finds the run scripts of services that start qmail-smtpd. Root obeys only scripts that nobody else
 * could have written. About any other script there is a finding that says how to check its service.
 */
export function findRunScripts(places: readonly string[] = SERVICES): RunScripts {
  const files: string[] = []
  const findings: Finding[] = []
  const visited = new Set<string>()
  for (const directory of places.flatMap(servicesIn).slice(0, MOST)) {
    const file = join(directory, 'run')
    try {
      const real = realpathSync(file)
      if (visited.has(real)) continue
      visited.add(real)
      if (SMTP.test(readOwnText(file))) files.push(file)
    } catch (thrown) {
      if (!/smtp|qmail/i.test(directory)) continue // another service, or none
      const remedy = `runuser -u USER -- onescan check --run ${file}, as its owner`
      findings.push(
        warning('run script', `${file} was not looked at: ${errorText(thrown)}`, remedy),
      )
    }
  }
  return { files, findings }
}

/**
 * Finds a script with line ends of Windows: the carriage return of its first line becomes part of
 * the shell's name, so that the kernel cannot start it; those of other lines become part of values.
 */
export function checkLineEnds(file: string): Finding[] {
  try {
    if (!readOwnText(file).includes('\r\n')) return []
  } catch {
    return [] // readRunScript() reports it
  }
  const value = `${file} has line ends of Windows (CR LF): its service does not start, or sets other values`
  return [error('run script', value, `sed -i 's/\\r$//' ${file}`)]
}

function servicesIn(place: string): string[] {
  try {
    return readdirSync(place).map((name) => join(place, name))
  } catch {
    return [] // there is no such directory
  }
}
