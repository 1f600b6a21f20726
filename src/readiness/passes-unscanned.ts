import { attempt } from '../lib/errors/fault.ts'
import { type Finding, warning } from '../lib/errors/finding.ts'
import { addressText } from '../lib/net/ip-address.ts'
import { type Environment, readSettings } from '../lib/settings/settings.ts'
import { treatment } from '../lib/settings/table/scanning.ts'
import type { Rules } from '../scan/rules/match.ts'
import type { AddressPattern, Conditions, Rule } from '../scan/rules/rule.ts'

/** Most lines of a policy by rule that a finding names. */
const LINES_MAX = 5

/** The settings that let mail pass unscanned if they are `accept`, and which mail. */
const accepting: Readonly<Record<string, string>> = {
  SCANFAIL_RELAY: 'mail of relay clients about which the scanners could not tell',
  OVERSIZE: 'mail that is larger than the scanners take',
  OVERUNPACKED: 'mail that holds more than the scanners unpack',
  OVERNESTING: 'mail that is nested deeper than is read',
  BADMIME: 'mail whose attachments cannot be told',
}

/** What becomes of mail about which no scanner could tell, as `deferred`. */
export function unscannedMailIs(env: Environment): string {
  const settings = attempt(() => readSettings(env, treatment)) // whoever reads them tells of a fault
  const { SCANFAIL: others = 'defer', SCANFAIL_RELAY: relayClients = others } = settings ?? {}
  const does = { defer: 'deferred', quarantine: 'kept in QUARANTINE', accept: 'accepted unscanned' }
  const but = relayClients === others ? '' : `, but ${does[relayClients]} for relay clients`
  return `${does[others]}${but}`
}

/** Which mail each setting lets pass unscanned. SCANFAIL has a finding of its own. */
function passing(env: Environment): readonly (readonly [setting: string, mail: string])[] {
  const bySize = [
    ['QHPSIMINSIZE', 'mail that is smaller'],
    ['QHPSIMAXSIZE', 'mail that is larger'],
  ] as const
  return [
    ...bySize.filter(([name]) => env[name]),
    ...Object.entries(accepting).filter(([name]) => env[name] === 'accept'),
  ]
}

/** Warns of each setting that lets mail pass unscanned, which may be meant, and says which mail. */
export function passesBySettings(env: Environment): Finding[] {
  if (!env.QHPSI?.trim()) return []
  return passing(env).map(([name, mail]) =>
    warning(name, `${env[name]}: ${mail} passes unscanned`, `unset ${name} to have it scanned`),
  )
}

/** Warns of the lines of a policy by rule that let mail pass unscanned. */
export function passesByRules({ path, all }: Rules): Finding[] {
  const lines = all.flatMap((rule) => {
    const by = waysOf(rule)
    return by.length === 0 ? [] : `line ${rule.line}: ${mailOf(rule.conditions)} (${by.join(', ')})`
  })
  if (lines.length === 0) return []
  const rest = lines.length > LINES_MAX ? `; and ${lines.length - LINES_MAX} lines more` : ''
  const value = `${path} lets mail pass unscanned: ${lines.slice(0, LINES_MAX).join('; ')}${rest}`
  return [warning('policy by rule', value, 'take out the lines about mail that should be scanned')]
}

/** By what a line lets mail pass unscanned. */
function waysOf({ action }: Rule): readonly string[] {
  if (action.kind === 'off') return ['scan off']
  if (action.kind !== 'set') return []
  const { settings } = action
  const names = passing(settings).map(([name]) => name)
  if (settings.SCANFAIL === 'accept') names.push('SCANFAIL')
  return names.map((name) => `${name}=${settings[name]}`)
}

/** The mail that a line is about, in the words of the line. */
function mailOf({ to, from, client, auth, larger, smaller }: Conditions): string {
  const words = [
    to && `to=${patternText(to)}`,
    from && `from=${patternText(from)}`,
    client && `client=${addressText(client.address)}/${client.bits}`,
    auth !== undefined && `auth=${auth ? 'yes' : 'no'}`,
    larger !== undefined && `size>${larger}`,
    smaller !== undefined && `size<${smaller}`,
  ].filter((word) => typeof word === 'string')
  return words.length === 0 ? 'all mail' : words.join(',')
}

const patternText = ({ kind, text }: AddressPattern) =>
  kind === 'below' ? `.${text}` : text || '<>'
