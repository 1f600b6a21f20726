import { basename } from 'node:path'
import { type CheckLine, warning } from '../../../../base/check/check-line.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { MAIL_SERVERS, MAIL_SERVICES } from './mail-units.ts'
import { newSocket } from './service-state.ts'
import { pathsBelow } from './supervised.ts'
import { LEAST } from './unit-limits.ts'
import { type UnitLine, unitLines, withoutOptions } from './unit-lines.ts'

/**
 * Lines of the administrator in the units of mail programs that forbid them more than their packages do. A program
 * that fails because of such a line sees another reason, or none.
 */

/** The options that may forbid a service something, or keep systemd from starting it: systemd.exec(5), systemd.resource-control(5). */
const RESTRICTS =
  /^(?:Private|Protect|Restrict|Inaccessible|ReadOnly|NoExec|ExecPaths|Limit|Memory|TasksMax|CPUQuota|IPAddressDeny|IPIngress|IPEgress|SocketBind|Device|SystemCall|CapabilityBounding|NoNewPrivileges|Root|TemporaryFileSystem|User|Group|DynamicUser|UMask|AppArmor|SELinux|NetworkNamespace|Condition|Assert)/
/** The options of which an empty value takes back what the package permits. */
const GRANTS =
  /^(?:Bind|ReadWritePaths|IPAddressAllow|SupplementaryGroups|Environment|CapabilityBounding)/
/** The values that forbid nothing. */
const NOTHING = /^(?:|no|n|false|f|off|infinity)$/i

const NAMES = ['onescan', 'clam', ...MAIL_SERVERS, ...MAIL_SERVICES] as const

/** Returns whether a unit is one of mail, or `service`, of which the additions count for all services. */
const isOfMail = (unit: string): boolean =>
  unit === 'service' ||
  (/\.(?:service|socket)$/.test(unit) && NAMES.some((name) => unit.startsWith(name)))

/** Where administrators have their units and additions: systemd.unit(5). */
const OWN = ['/etc', '/run'].flatMap((root) =>
  ['system', 'system.control'].map((name) => `${root}/systemd/${name}`),
)
/** Where packages have their units. */
const VENDORS = ['/usr/lib/systemd/system', '/lib/systemd/system']

/**
 * Returns warnings about lines of the administrator that restrict units of mail programs, to be shown after errors. Reads files
 * alone, since systemd may answer only root. `isNamed`: whether another check line names such a line.
 */
export function checkUnitDifferences(
  isNamed: (line: string) => boolean,
  places: readonly string[] = OWN,
  vendors: readonly string[] = VENDORS,
): CheckLine[] {
  return places.flatMap(pathsBelow).flatMap((path) => {
    const unit = basename(path).replace(/\.d$/, '')
    if (!isOfMail(unit)) return []
    const wholeIn = (directories: readonly string[]) =>
      directories.map((place) => unitLines(`${place}/${unit}`)).find(hasLines)
    const shipped = wholeIn(vendors)
    // A whole unit without one of a package is for a program without a package, or made from an example.
    if (shipped === undefined && wholeIn(places) !== undefined) return []
    return (path.endsWith('.d') ? pathsBelow(path) : [path])
      .flatMap(unitLines)
      .filter((line) => restricts(line, shipped ?? []) && !isNamed(line.text))
      .map((line) => {
        const value = `${line.text} forbids more than the package does, which may cause an error above`
        return warning(unit, value, withoutOptions(line, restartOf(unit), line.option))
      })
  })
}

const hasLines = (lines: readonly UnitLine[]) => lines.length > 0

/** Returns whether a line restricts a unit with these lines of its package. */
function restricts({ option, value }: UnitLine, shipped: readonly UnitLine[]): boolean {
  if (value === '' && GRANTS.test(option)) return true
  if (!RESTRICTS.test(option) || NOTHING.test(value)) return false
  const ofPackage = shipped.filter((line) => line.option === option).map((line) => line.value)
  if (ofPackage.includes(value)) return false
  const least = Math.min(
    ...[LEAST[option], ...ofPackage.map(amountOf)].filter((n) => n !== undefined),
  )
  return !((amountOf(value) ?? 0) >= least)
}

const UNIT_OF = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const

/** Returns the number in a limit, `1024:4096` or `6G`, if it is one. */
function amountOf(value: string): number | undefined {
  const [, digits, of = ''] = /^(\d{1,15})([KMGT]?)(?::|$)/.exec(value) ?? []
  return digits === undefined ? undefined : Number(digits) * UNIT_OF[of as keyof typeof UNIT_OF]
}

/** Returns the command that starts a unit again: those of a template, `postfix@.service`, by a pattern. */
function restartOf(unit: string): string {
  if (unit === 'service') return 'systemctl restart onescand, and the services of errors above'
  if (/^onescan.*\.socket$/.test(unit)) return newSocket(unit)
  return `systemctl restart ${shellWord(unit.replace('@.', '@*.').replace(/\.service$/, ''))}`
}
