import { errorText, Fault } from '../ground/errors/fault.ts'
import { LINE_MAX, limitSettings, parseConditions } from './parse.ts'
import type { Action, Rule } from './rule.ts'

/** The options of a line that onescan reads; undefined if the line does not have them. */
interface SimcontrolOptions {
  readonly clam?: boolean
  /** The endings of names of banned files. */
  readonly attach?: readonly string[]
}

/** A line of simcontrol. Its address is '' if it stands for all others. */
interface SimcontrolLine {
  readonly address: string
  readonly number: number
  readonly options: SimcontrolOptions
}

/**
 * Reads simscan's control/simcontrol (simscan README, "Enable Per Domain processing"):
 * `address:option,option`, where the address is that of a recipient, a domain, or empty for all others.
 * An address counts before its domain, and that before all others, in whatever order they stand. An
 * option that a line does not have is that of the less precise line. `clam=no` turns the scan off,
 * `attach=.exe:.scr` bans files whose names end so; options about spam are not read. Throws a Fault of
 * kind `config`.
 */
export function parseSimcontrol(text: string, path: string): Rule[] {
  const entries = entriesIn(text, path)
  // Of two lines about the same address simscan finds the first.
  const byAddress = new Map(entries.toReversed().map((entry) => [entry.address, entry.options]))
  const mayDiffer = limitSettings()
  // The rules are in the order in which they count; their numbers are those of the file.
  return entries
    .toSorted((line, other) => rankOf(line) - rankOf(other) || line.number - other.number)
    .map(({ address, number, options }) => {
      const less = lessPrecise(address).map((general) => byAddress.get(general))
      const action = actionFor(Object.assign({}, ...less, options))
      try {
        mayDiffer(action)
        return {
          line: number,
          conditions: parseConditions(address === '' ? '*' : `to=${address}`),
          action,
        }
      } catch (error) {
        throw new Fault('config', `${path} line ${number}: ${errorText(error)}`, error)
      }
    })
}

function entriesIn(text: string, path: string): SimcontrolLine[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.replace(/\r$/, '').trim()
    if (line === '' || line.startsWith('#')) return []
    const number = index + 1
    const colon = line.indexOf(':')
    if (colon < 0 || line.length > LINE_MAX) {
      throw new Fault('config', `${path} line ${number}: must be address:option,option`)
    }
    const address = line.slice(0, colon).trim().replace(/^@/, '').toLowerCase()
    return [{ address, number, options: optionsIn(line.slice(colon + 1)) }]
  })
}

function optionsIn(text: string): SimcontrolOptions {
  const options: { -readonly [Name in keyof SimcontrolOptions]: SimcontrolOptions[Name] } = {}
  for (const option of text.split(',')) {
    const [name = '', value = ''] = option.split('=').map((word) => word.trim().toLowerCase())
    if (name === 'clam' && (value === 'yes' || value === 'no')) options.clam = value === 'yes'
    if (name === 'attach') options.attach = value.split(':').filter((end) => end !== '')
  }
  return options
}

const rankOf = ({ address }: SimcontrolLine) => (address === '' ? 2 : address.includes('@') ? 0 : 1)

/** Lists the addresses of less precise lines: that of all others, and then the domain. */
function lessPrecise(address: string): string[] {
  if (address === '') return []
  const at = address.lastIndexOf('@')
  return at < 0 ? [''] : ['', address.slice(at + 1)]
}

function actionFor({ clam = true, attach = [] }: SimcontrolOptions): Action {
  if (attach.length === 0) return clam ? { kind: 'set', settings: {} } : { kind: 'off' }
  const BADATTACHMENTS = attach.map((end) => `*${end}`).join(' ')
  const settings = clam ? { BADATTACHMENTS } : { QHPSI: 'plugin: attachments', BADATTACHMENTS }
  return { kind: 'set', settings }
}
