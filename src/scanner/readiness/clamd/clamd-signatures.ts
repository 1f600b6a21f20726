import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, failure, marked, ok, warning } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import { readForeignFile, readStart } from '../../../base/path/open.ts'
import { DAY, formatCount, formatDuration } from '../../../base/text/units.ts'
import type { ClamdState } from '../../observe/live/process-report.ts'
import type { ClamdAddress } from '../../scan/scanners/clamd/clamd-address.ts'
import {
  clamdConfOf,
  databaseIn,
  isOnThisHost,
  toSetInConf,
  valueIn,
} from '../../scan/scanners/clamd/clamd-conf.ts'
import { EICAR } from '../../scan/scanners/eicar/eicar.ts'
import {
  readSignatureFiles,
  SETTLED_AFTER_SECONDS,
} from '../../scan/scanners/signatures/signature-files.ts'
import type { CheckedHost } from '../host/checked-host.ts'

/** The signatures that a clamd scans with, and its cache. */

/** Seconds after which clamd checks its signatures, clamd.conf(5), by default. */
const SELF_CHECK_SECONDS = 600

/** Milliseconds after which signatures are out of date: ClamAV publishes new ones every day. */
const OLD = 7 * DAY

const FETCH = 'run freshclam, and fix the error that it reports'

/**
 * Returns a check line whose remedy fetches signatures, for this clamd or one on this host. `onescan check` replaces the
 * remedy if a service of freshclam(1) runs here: it locks its log, so that freshclam fails.
 */
export function lacksSignatures(
  level: typeof warning,
  what: string,
  value: string,
  server?: ClamdAddress,
): CheckLine {
  return server === undefined || isOnThisHost(server)
    ? marked(level(what, value, FETCH), 'needs signatures')
    : level(what, value, `on its host, ${FETCH}`)
}

/** Returns the check line about too few signatures, or else the one about their date. */
export function signatureLines(
  host: CheckedHost,
  server: ClamdAddress,
  dated: CheckLine,
): CheckLine[] {
  const { CLAMDBDIR } = host.env
  const conf = clamdConfOf(server, host.clamdConfigFiles)
  const own = CLAMDBDIR || (conf && databaseIn(conf))
  const database = server.kind === 'unix' ? own : undefined
  if (database === undefined || dated.level === 'error') return [dated]
  const count = checkCount(dated.what, database)
  return count.length > 0 ? count : [dated]
}

/**
 * Reports that clamd before 1.5 identifies clean files in its cache by MD5 and length alone, clamd.conf(5)
 * DisableCache. An attacker who makes two files with the same MD5 and length can hide one of them.
 */
export function checkMemory(what: string, version: string, conf: string | undefined): CheckLine[] {
  const [, major = 1, minor = 5] = /^ClamAV (\d+)\.(\d+)/.exec(version) ?? []
  if (Number(major) > 1 || Number(minor) >= 5) return []
  if (/^[ \t]*DisableCache\s+(yes|true|1)\b/im.test(conf ?? '')) return []
  const value =
    'of two files with the same MD5 and length, clamd may scan only the first; ' +
    'set "DisableCache yes", or use clamd 1.5'
  return [ok(`${what} cache`, value)]
}

/**
 * Reports that clamd may not have loaded a site's own signatures when they count as loaded (SETTLED_AFTER_SECONDS):
 * clamd does not report that. Debian's clamd.conf makes clamd check once an hour. freshclam notifies clamd
 * immediately.
 */
export async function checkReload(
  what: string,
  server: ClamdAddress,
  { env, now, clamdConfigFiles }: CheckedHost,
): Promise<CheckLine[]> {
  const conf = clamdConfOf(server, clamdConfigFiles)
  if (conf === undefined) return []
  const seconds = Number(valueIn(conf, 'SelfCheck') ?? SELF_CHECK_SECONDS)
  const files = await readSignatureFiles(env.CLAMDBDIR || databaseIn(conf), now)
  if ((seconds > 0 && seconds <= SELF_CHECK_SECONDS) || files?.own === undefined) return []
  const often = seconds > 0 ? `checks every ${formatDuration(seconds * 1000)}` : 'never checks'
  const value = `${often} for new local signatures, which onescan treats as loaded after ${formatDuration(SETTLED_AFTER_SECONDS * 1000)}`
  return [warning(`${what} SelfCheck`, value, toSetInConf(`SelfCheck ${SELF_CHECK_SECONDS}`))]
}

/**
 * Judges clamd's answer to VERSION: `ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025`, or only the first
 * part if it has no signatures of ClamAV. `now` is in milliseconds.
 */
export function checkSignatures(server: ClamdAddress, version: string, now: number): CheckLine {
  const what = `clamd ${server.text}`
  const [name = version, , date = ''] = version.split('/')
  const { made } = signaturesOf(version)
  if (!name.startsWith('ClamAV')) {
    return failure(
      what,
      `answers VERSION with "${version.slice(0, 60)}"`,
      'set CLAMD to the address of a clamd',
    )
  }
  if (made === undefined) {
    const value = `answers, ${name}, without a date: its signatures are not ClamAV's`
    return lacksSignatures(warning, what, value, server)
  }
  const value = `answers, ${name}, signatures of ${date}`
  const age = now - made
  return age > OLD
    ? lacksSignatures(warning, what, `${value}: ${formatDuration(age)} old`, server)
    : ok(what, value)
}

/**
 * Reads the answer to VERSION: `ClamAV 1.4.6/27800/Thu Nov 19 09:26:40 2026`. The values are undefined
 * if clamd has no daily database.
 */
export function signaturesOf(answer: string): Pick<ClamdState, 'version' | 'made'> {
  const [, version, date] = /^ClamAV [^/]*\/(\d+)\/(.+)$/.exec(answer) ?? []
  const made = Date.parse(date ?? '')
  return {
    version: version === undefined ? undefined : Number(version),
    made: Number.isNaN(made) ? undefined : made,
  }
}

/** Returns the file with which a site made clamd ignore EICAR, by the name of a signature or by a digest of the file. */
export function exceptionOfEicar(database: string): string | undefined {
  const digests = ['md5', 'sha1', 'sha256'].map((name) => createHash(name).update(EICAR).digest('hex')) // biome-ignore format: a list
  const names = attempt(() => readdirSync(database)) ?? []
  return names
    .filter((name) => EXCEPTIONS.test(name))
    .map((name) => join(database, name))
    .find((file) => {
      const text = String(attempt(() => readForeignFile(file, LARGE_DATABASE)) ?? '').toLowerCase()
      return ['eicar', ...digests].some((words) => text.includes(words))
    })
}

/** The files that list exceptions. */
const EXCEPTIONS = /\.(?:s?fp|ign2?)$/

/** A database with fewer signatures belongs to a site, or is a broken download: ClamAV has millions. */
const A_HANDFUL = 10_000
/** The bytes of the header of a .cvd or .cld. */
const HEADER = 512
/** A text database of more bytes has enough signatures. */
const LARGE_DATABASE = 4 * 1024 * 1024

/** Warns if the database holds next to no signatures. A database that cannot be read gets no check line. */
export function checkCount(what: string, database: string): CheckLine[] {
  const count = signaturesIn(database)
  if (count === undefined || count >= A_HANDFUL) return []
  const value = `only ${formatCount(count, 'signature')} in ${database}: ClamAV has millions`
  return [lacksSignatures(warning, what, value)]
}

/** Returns the number of signatures in a file or directory, or undefined if it cannot be read. */
export function signaturesIn(database: string): number | undefined {
  return attempt(() => {
    if (!statSync(database).isDirectory()) return countIn(database)
    const names = readdirSync(database).filter((name) =>
      /\.(cvd|cld|[hmnl]db|[hmn]du|[hm]sb|ldu|fp|cdb|crb|ign2?|yara?)$/.test(name),
    )
    return names.reduce((sum, name) => sum + countIn(join(database, name)), 0)
  })
}

/**
 * Returns the number in one file: from the header `ClamAV-VDB:date:version:signatures:…`. Otherwise, each
 * line is a signature.
 */
function countIn(file: string): number {
  if (/\.(cvd|cld)$/.test(file))
    return Number(readStart(file, HEADER).toString('latin1').split(':')[3] ?? 0) || 0
  if (EXCEPTIONS.test(file)) return 0
  if (statSync(file).size > LARGE_DATABASE) return A_HANDFUL
  return readForeignFile(file, LARGE_DATABASE)
    .toString('latin1')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#')).length
}
