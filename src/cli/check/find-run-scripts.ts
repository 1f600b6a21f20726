import { readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '../../ground/runtime/fault.ts'
import { readOwnText } from '../../ground/runtime/path/read.ts'
import { error, type Finding, warning } from './shared/finding.ts'

/** Where daemontools, runit and s6 look for services. */
const SERVICES = ['/service', '/etc/service', '/var/service', '/run/service']
/** Directories of services that are looked at. */
const MOST = 200
/** What makes a script one of an SMTP service of qmail. */
const SMTP = /\b(qmail-smtpd|qmail-qmtpd|qmail-smtpd-[a-z]+)\b/

/** Run scripts of the SMTP services here, and what keeps us from one. */
export interface RunScripts {
  readonly files: readonly string[]
  readonly found: readonly Finding[]
}

/**
 * The run scripts of services that start qmail-smtpd. Root acts on those alone that nobody else
 * could have written, and says of others how to look at them.
 */
export function findRunScripts(places: readonly string[] = SERVICES): RunScripts {
  const files: string[] = []
  const found: Finding[] = []
  const seen = new Set<string>()
  for (const directory of places.flatMap(servicesIn).slice(0, MOST)) {
    const file = join(directory, 'run')
    try {
      const real = realpathSync(file)
      if (seen.has(real)) continue
      seen.add(real)
      if (SMTP.test(readOwnText(file))) files.push(file)
    } catch (thrown) {
      if (!/smtp|qmail/i.test(directory)) continue // no service of ours, or none at all
      const remedy = `runuser -u USER -- onescan check --run ${file}, as its owner`
      found.push(warning('run script', `${file} was not looked at: ${errorText(thrown)}`, remedy))
    }
  }
  return { files, found }
}

/** A script that the kernel does not start: it looks for a shell of that name with a carriage return. */
export function checkLineEnds(file: string): Finding[] {
  try {
    if (!readOwnText(file).includes('\r\n')) return []
  } catch {
    return [] // told by who reads its commands
  }
  const value = `${file} has line ends of Windows (CR LF): its service does not start, or sets other values`
  return [error('run script', value, `sed -i 's/\\r$//' ${file}`)]
}

function servicesIn(place: string): string[] {
  try {
    return readdirSync(place).map((name) => join(place, name))
  } catch {
    return [] // no such directory
  }
}
