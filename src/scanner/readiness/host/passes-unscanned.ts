import { type CheckLine, ok, warning } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import { addressText } from '../../../base/net/ip-address.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { readSetting } from '../../../base/settings/read-settings.ts'
import type { Setting } from '../../../base/settings/table/kinds.ts'
import { namesScanners } from '../../../base/settings/table/scanners.ts'
import { type SettingName, settingNames, settingTable } from '../../../base/settings/table.ts'
import type { Rules } from '../../scan/rules/match.ts'
import type { AddressPattern, Conditions, Rule } from '../../scan/rules/rule.ts'

/** Upper limit for the rules that a check line names. */
const LINES_MAX = 5

/** Returns the handling of mail without a result of any scanner, such as `deferred`. */
export function unscannedMailIs(env: Environment): string {
  const action = attempt(() => readSetting(env, 'SCANFAIL')) // another check reports a fault
  const does = { defer: 'deferred', quarantine: 'quarantined', accept: 'accepted unscanned' }
  return does[action ?? 'defer']
}

/** A setting whose value lets mail pass unscanned. */
interface Passing {
  readonly name: SettingName
  readonly value: string
  readonly mail: string
  /** How the mail is scanned, or kept out. */
  readonly remedy: string
}

/** The settings that let mail pass unscanned, by their values: those of their defaults, too. `isQueued`: mail that is refused would bounce. */
function passing(env: Environment, isQueued = false): readonly Passing[] {
  return settingNames.flatMap((name) => {
    const setting: Setting = settingTable[name]
    const passes = setting.passes as ((value: unknown) => string | undefined) | undefined
    // (Another check line names a value that cannot be read.)
    const mail = passes && attempt(() => passes(setting.read(env[name], name)))
    if (mail === undefined) return []
    const better =
      setting.kind === 'word'
        ? setting.words.find(
            (word) => passes?.(word) === undefined && (!isQueued || word === 'quarantine'),
          )
        : undefined
    const value = env[name] || String(setting.default)
    const lacks = better === 'quarantine' && !env.QUARANTINE
    const first = lacks ? 'QUARANTINE as doc/quarantine.md shows, and ' : ''
    const remedy = better ? `set ${first}${name}=${better}` : `unset ${name}`
    return [{ name, value, mail, remedy }]
  })
}

/**
 * Returns a warning about each setting that lets mail pass unscanned, which may be intended, and names the
 * mail. SCANFAIL has a separate check line.
 */
export function passesBySettings(env: Environment, isQueued = false): CheckLine[] {
  if (!namesScanners(env.QHPSI)) return []
  return passing(env, isQueued)
    .filter(({ name }) => name !== 'SCANFAIL')
    .map(({ name, value, mail, remedy }) =>
      warning(name, `is ${value}, so ${mail} is accepted unscanned`, remedy),
    )
}

/**
 * Reports the rules that let mail pass unscanned. A line about some mail is the administrator's decision. One that matches
 * mail from anywhere contradicts scanning, and is a warning.
 */
export function passesByRules({ path, all }: Rules): CheckLine[] {
  const lines = all.filter((rule) => waysOf(rule).length > 0)
  if (lines.length === 0) return []
  const wide = lines.filter(({ conditions }) => isFromAnywhere(conditions))
  if (wide.length === 0) return [ok('rules', `${path} accepts mail unscanned: ${inWords(lines)}`)]
  const forged = wide.some(({ conditions: { from } }) => from !== undefined)
  const why = forged ? ' (anyone can forge a sender address)' : ''
  const value = `${path} accepts mail from anywhere unscanned${why}: ${inWords(wide)}`
  const remedy = `remove these lines from ${path}, or limit them by client=, to= or size, then make onescand reload it (systemctl reload onescand)`
  return [warning('rules', value, remedy)]
}

/** Returns whether nothing in a line limits the recipients, clients or sizes that it matches. A sender may be forged. */
const isFromAnywhere = ({ to, client, mayRelay, larger, smaller }: Conditions): boolean =>
  [to, larger, smaller].every((limit) => limit === undefined) &&
  (client === undefined || client.bits === 0) &&
  mayRelay !== true

/** `line 1: client=10.0.0.0/8 (scan off); line 2: …` */
function inWords(rules: readonly Rule[]): string {
  const lines = rules.map(
    (rule) => `line ${rule.line}: ${mailOf(rule.conditions)} (${waysOf(rule).join(', ')})`,
  )
  const rest = lines.length > LINES_MAX ? `; and ${lines.length - LINES_MAX} more lines` : ''
  return `${lines.slice(0, LINES_MAX).join('; ')}${rest}`
}

/** How a line lets mail pass unscanned. */
function waysOf({ action }: Rule): readonly string[] {
  if (action.kind === 'off') return ['scan off']
  if (action.kind !== 'set') return []
  const { settings } = action
  return passing(settings)
    .filter(({ name }) => name in settings)
    .map(({ name, value }) => `${name}=${value}`)
}

/** Returns the mail that a line matches, in the wording of the line. */
function mailOf({ to, from, client, mayRelay, larger, smaller }: Conditions): string {
  const words = [
    to && `to=${patternText(to)}`,
    from && `from=${patternText(from)}`,
    client && `client=${addressText(client.address)}/${client.bits}`,
    mayRelay !== undefined && `auth=${mayRelay ? 'yes' : 'no'}`,
    larger !== undefined && `size>${larger}`,
    smaller !== undefined && `size<${smaller}`,
  ].filter((word) => typeof word === 'string')
  return words.length === 0 ? 'all mail' : words.join(',')
}

const patternText = ({ kind, text }: AddressPattern) =>
  kind === 'below' ? `.${text}` : text || '<>'
