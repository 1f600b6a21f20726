import { type CheckLine, failure } from '../../../../base/check/check-line.ts'
import { propertiesOf } from '../../host/systemd-unit.ts'
import { lineThatSets, withoutOptions } from './unit-lines.ts'

/**
 * The least value of a limit with which onescand scans mail. The unit of the package has more than that, and additions of the
 * administrator, or the defaults of systemd, may have less.
 */
export const LEAST: Readonly<Record<string, number>> = {
  LimitNOFILE: 1024,
  // It reserves much more than it uses.
  LimitAS: 4_000_000_000,
  // A message in a file, decoded.
  LimitFSIZE: 200_000_000,
}

/** Bits of a umask that close new files to their own account. */
const OF_OWNER = 0o700

const UNIT = 'onescand.service'

/** Returns the faults of limits of onescand's unit, which no program that runs into them can name. */
export function checkUnitLimits(restart: string): CheckLine[] {
  const set = propertiesOf(UNIT, [...Object.keys(LEAST), 'UMask'])
  return [...set].flatMap(([name, value]) => {
    const wrong =
      name === 'UMask'
        ? (Number.parseInt(value, 8) & OF_OWNER) !== 0 &&
          'its own files are closed to onescand, so infected mail cannot be quarantined'
        : Number(value) < LEAST[name]! &&
          `onescand needs at least ${LEAST[name]}, so mail may be deferred`
    if (!wrong) return []
    const line = lineThatSets(UNIT, name)
    const place = line === undefined ? '' : `, in ${line.text}`
    const remedy =
      line === undefined
        ? `run systemctl edit onescand, add ${name}=${name === 'UMask' ? '0027' : 'infinity'} below [Service], then run ${restart}`
        : withoutOptions(line, restart, name)
    return [failure('onescand', `${name} is ${value}${place}: ${wrong}`, remedy)]
  })
}
