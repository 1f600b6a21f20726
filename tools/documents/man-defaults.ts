import type { Setting } from '../../src/base/settings/table/kinds.ts'
import { settingTable } from '../../src/base/settings/table.ts'

const settings: Readonly<Record<string, Setting>> = settingTable

/** The pages that explain settings. */
type SettingsPage = 'onescan-settings.5' | 'onescanc.8' | 'onescan-rcptquota.8' | 'onescan-quotad.8'

/** The settings that a page explains, in the order of the table. */
export function settingsOn(page: SettingsPage): readonly [name: string, setting: Setting][] {
  return Object.entries(settings).filter(([name, { fromClient, readers }]) => {
    if (page === 'onescan-quotad.8') return readers.includes('onescan-quotad')
    if (readers.includes('onescan-rcptquota')) return page === 'onescan-rcptquota.8'
    if (fromClient === undefined && readers.includes('onescan-quotad')) return false
    return page === (name.startsWith('ONESCAN_') ? 'onescanc.8' : 'onescan-settings.5')
  })
}

/** The sentences of the range and the default of a setting: they are the last lines of its item. */
const RANGE = /^Range: [\d,]+ to [\d,]+\.$/
const DEFAULT = /^Default\b/

/**
 * A manual page with the default of each setting that it explains at the end of its item in
 * ENVIRONMENT, as the table of settings has it.
 */
export function withDefaults(page: string, name: SettingsPage): string {
  const own = new Set(settingsOn(name).map(([setting]) => setting))
  const start = page.indexOf('.Sh ENVIRONMENT\n')
  const end = page.indexOf('\n.Sh ', start + 1) + 1
  if (start < 0 || end === 0) throw new Error('there is no section ENVIRONMENT')
  const made: string[] = []
  let depth = 0
  let ofItem: string[] = []
  for (const line of page.slice(start, end).split('\n')) {
    const endsItem = depth === 1 && (line.startsWith('.It ') || line === '.El')
    if (endsItem && ofItem.length > 0) {
      const from = made.findLastIndex((text) => DEFAULT.test(text) || text.startsWith('.It Ev '))
      if (DEFAULT.test(made[from]!)) removeDefault(made, from)
      made.push(...defaultOf(ofItem))
    }
    if (endsItem) ofItem = settingsOf(line).filter((setting) => own.has(setting))
    if (line.startsWith('.Bl ')) depth++
    if (line === '.El') depth--
    made.push(line)
  }
  return page.slice(0, start) + made.join('\n') + page.slice(end)
}

/**
 * A manual page with the default of each of these options, long ones if they have no hyphens here,
 * at the end of its item in OPTIONS.
 */
export function withOptionDefaults(
  page: string,
  defaults: Readonly<Record<string, string | number>>,
): string {
  return Object.entries(defaults).reduce((made, [name, value]) => {
    const flag = name.startsWith('-') ? name.slice(1) : `-${name}`
    const start = made.indexOf(`\n.It Fl ${flag} `, made.indexOf('\n.Sh OPTIONS\n'))
    const length = made.slice(start + 1).search(/\n\.(?:It|El)/)
    if (start < 0 || length < 0) throw new Error(`OPTIONS has no -${flag}`)
    const end = start + 1 + length
    const item = made.slice(start, end).replace(/\nDefault: .*$/, '')
    const text = typeof value === 'number' ? withCommas(value) : value
    return `${made.slice(0, start)}${item}\nDefault: ${text}.${made.slice(end)}`
  }, page)
}

/** Removes the lines from there on, which have to be one sentence. */
function removeDefault(made: string[], from: number): void {
  const other = made.slice(from + 1).find((line) => /^[A-Z]/.test(line))
  if (other !== undefined) throw new Error(`text stands behind a default: ${other}`)
  made.length = RANGE.test(made[from - 1]!) ? from - 1 : from
}

/** The settings that a line begins to explain. */
function settingsOf(line: string): string[] {
  const [, names = ''] = /^\.It Ev (.*)$/.exec(line) ?? []
  return names.split(' , ')
}

/** Lines of mdoc(7); none if the settings have no default. */
function defaultOf(names: readonly string[]): string[] {
  const values = names.map((name) => defaultText(settings[name]!)).filter((value) => value !== '')
  if (values.length === 0) return []
  return [...rangeOf(settings[names[0]!]!), ...asLines(`Default: ${values.join(', ')}.`)]
}

function defaultText({ default: byDefault, defaultInWords }: Setting): string {
  if (defaultInWords !== undefined) return defaultInWords
  if (byDefault === undefined) return ''
  return typeof byDefault === 'number' ? withCommas(byDefault) : `\`${byDefault}\``
}

function rangeOf(setting: Setting): string[] {
  if (setting.kind !== 'number' || setting.max === Number.MAX_SAFE_INTEGER) return []
  return [`Range: ${withCommas(setting.min)} to ${withCommas(setting.max)}.`]
}

/** A sentence with code in backticks as mdoc(7): names of settings are `.Ev`, paths `.Pa`. */
function asLines(sentence: string): string[] {
  const parts = sentence.split('`').map((text) => text.trim())
  return parts.flatMap((text, index) => {
    if (index % 2 === 0) return index > 0 && /^[.,]/.test(text) ? afterMark(text) : text || []
    const mark = /^[.,]/.exec(parts[index + 1] ?? '')?.[0]
    const macro = text in settings ? 'Ev' : text.includes('/') && !text.includes(':') ? 'Pa' : 'Ql'
    return mark ? `.${macro} ${text} ${mark}` : `.${macro} ${text}`
  })
}

/** What follows a mark that stands with the macro before it. */
const afterMark = (text: string) => text.slice(1).trim() || []

const withCommas = (number: number) => number.toLocaleString('en')
