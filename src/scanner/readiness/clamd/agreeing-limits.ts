import { type CheckLine, warning } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import { namesScanners } from '../../../base/settings/table/scanners.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { byteSize } from '../../../base/text/values.ts'
import { type ClamdAddress, readClamdAddress } from '../../scan/scanners/clamd/clamd-address.ts'
import {
  CONFIG_FILES,
  clamdConfOf,
  toSetInConf,
  valueIn,
} from '../../scan/scanners/clamd/clamd-conf.ts'

/** Limits that clamd and another program have for the same thing. If they do not agree, mail is deferred again and again. */

const MIB = 1024 * 1024
/** The limits of clamd.conf(5) for the size of a message, and their defaults. 0 removes the limit. */
export const SIZE_LIMITS = { MaxFileSize: 100 * MIB, MaxScanSize: 400 * MIB } as const
/** The limit, in addition, for a message that is not passed as an open file. */
const SIZE_LIMITS_OF_STREAM = { ...SIZE_LIMITS, StreamMaxLength: 100 * MIB } as const
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
  const sizes = server.kind === 'unix' ? SIZE_LIMITS : SIZE_LIMITS_OF_STREAM
  return Object.entries(sizes).map(([name, fallback]) => ({
    name,
    bytes: byteSize(valueIn(conf, name), name, fallback),
  }))
}

/** The files of an ordinary archive, and the limit of Debian and of clamd itself. */
const [ORDINARY_FILES, MAX_FILES] = [1_000, 10_000] as const

/**
 * Returns warnings about limits of clamd: if it may scan for longer than onescan waits, mail is sent again while clamd still scans
 * it. If it counts fewer files than ordinary mail has, that is refused.
 */
export function checkConfLimits(
  { text }: ClamdAddress,
  conf: string | undefined,
  timeout: number,
): CheckLine[] {
  if (conf === undefined) return []
  const limit = (name: string, value: string, fallback: number) =>
    warning(`clamd ${text} ${name}`, value, toSetInConf(`${name} ${fallback}`))
  const time = Number(valueIn(conf, 'MaxScanTime') ?? MAX_SCAN_TIME)
  const is = time === 0 ? 'is 0 (unlimited)' : `is ${formatDuration(time)}`
  const tooLong = `${is}, and onescan waits for ${formatDuration(timeout)} (SCANTIMEOUT): clamd goes on with mail that is deferred`
  const files = Number(valueIn(conf, 'MaxFiles') ?? MAX_FILES)
  return [
    ...(time === 0 || time > timeout
      ? [limit('MaxScanTime', tooLong, Math.min(MAX_SCAN_TIME, timeout))]
      : []),
    ...(files > 0 && files < ORDINARY_FILES
      ? [
          limit(
            'MaxFiles',
            `is ${files}: mail with more parts and files in archives is refused`,
            MAX_FILES,
          ),
        ]
      : []),
  ]
}
