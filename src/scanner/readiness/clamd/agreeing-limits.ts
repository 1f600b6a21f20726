import { type CheckLine, warning } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import { namesScanners } from '../../../base/settings/table/scanners.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { byteSize } from '../../../base/text/values.ts'
import { type ClamdAddress, readClamdAddress } from '../../scan/scanners/clamd/clamd-address.ts'
import { CONFIG_FILES, clamdConfOf, valueIn } from '../../scan/scanners/clamd/clamd-conf.ts'

/** Limits that clamd and another program have for the same thing. If they do not agree, mail is deferred again and again. */

const MIB = 1024 * 1024
/** The limits of clamd.conf(5) for the size of a message, and their defaults. 0 removes the limit. */
const SIZES = { MaxFileSize: 100 * MIB, MaxScanSize: 400 * MIB } as const
/** The limit, in addition, for a message that is not passed as an open file. */
const SIZES_OF_STREAM = { ...SIZES, StreamMaxLength: 100 * MIB } as const
/** clamd's own, clamd.conf(5), in milliseconds. */
const MAX_SCAN_TIME = 120_000

/** The size of the largest message that is scanned, in bytes, and the name of the limit. */
interface LargestScanned {
  readonly bytes: number
  readonly name: string
}

/**
 * Returns the size of the largest message that each clamd on this host scans with these settings, or undefined if there
 * is none, or if larger mail is not deferred.
 */
export function largestScanned(
  env: Environment,
  files: readonly string[] = CONFIG_FILES,
): LargestScanned | undefined {
  if (!namesScanners(env.QHPSI) || !/\bclamd\b/.test(env.QHPSI ?? '')) return undefined
  return attempt(() => {
    if (readSetting(env, 'OVERSIZE') !== 'defer') return undefined
    const ofClamd = readSetting(env, 'CLAMD').flatMap((text) => sizesOf(text, files))
    const own = { bytes: readSetting(env, 'CLAMDMAXSIZE'), name: 'CLAMDMAXSIZE' }
    return [...ofClamd, ...(ofClamd.length > 0 ? [own] : [])]
      .filter(({ bytes }) => bytes > 0)
      .sort((one, other) => one.bytes - other.bytes)[0]
  })
}

function sizesOf(text: string, files: readonly string[]): LargestScanned[] {
  const server = readClamdAddress(text)
  const conf = clamdConfOf(server, files)
  if (conf === undefined) return []
  const sizes = server.kind === 'unix' ? SIZES : SIZES_OF_STREAM
  return Object.entries(sizes).map(([name, usual]) => ({
    name,
    bytes: byteSize(valueIn(conf, name), name, usual),
  }))
}

/** Returns a warning if clamd may scan for longer than onescan waits. The mail is sent again while clamd still scans it. */
export function checkScanTime(
  { text }: ClamdAddress,
  conf: string | undefined,
  timeout: number,
): CheckLine[] {
  const time =
    conf === undefined ? Number.NaN : Number(valueIn(conf, 'MaxScanTime') ?? MAX_SCAN_TIME)
  if (!(time === 0 || time > timeout)) return []
  const is = time === 0 ? 'is 0 (unlimited)' : `is ${formatDuration(time)}`
  const value = `${is}, and onescan waits for ${formatDuration(timeout)} (SCANTIMEOUT): clamd goes on with mail that is deferred`
  const remedy = `set "MaxScanTime ${Math.min(MAX_SCAN_TIME, timeout)}" in its clamd.conf, and restart clamd`
  return [warning(`clamd ${text} MaxScanTime`, value, remedy)]
}
