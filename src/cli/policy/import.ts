import type { CommandModule } from 'yargs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { readOwnText } from '../../ground/path/read.ts'
import { parseConditions } from '../../rules/parse.ts'
import { printsJson } from '../shared/options.ts'
import { type Output, runCommand } from '../shared/run-command.ts'

interface PolicyImportOptions {
  readonly file: string
  readonly json: boolean
}

/** `onescan policy import FILE`: prints simscan's control/simcontrol as lines of onescan.policy. */
export const importCommand: CommandModule<object, PolicyImportOptions> = {
  command: 'import <file>',
  describe: "Print simscan's control/simcontrol as lines of onescan.policy",
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', demandOption: true, describe: 'control/simcontrol' })
      .option('json', printsJson)
      .epilogue(
        'Nothing is written: look at the lines, and append them to onescan.policy.\n\n' +
          'Exit codes: 0 done; 2 the file makes no sense, or cannot be read.',
      ) as never,
  handler: (args) => runCommand('policy import', args, (output) => importFile(args, output)),
}

async function importFile({ file }: PolicyImportOptions, output: Output): Promise<number> {
  for (const imported of linesFor(readOwnText(file), file)) {
    await output.result({ ...imported })
    output.text(`${imported.policy}\n`)
  }
  return 0
}

/** A line of onescan.policy, and the number of the line that it stands for. */
export interface ImportedLine {
  readonly line: number
  readonly policy: string
}

/** The options of a line that onescan has; undefined if the line does not have them. */
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
 * Translates simscan's control/simcontrol (simscan README, "Enable Per Domain processing"):
 * `address:option,option`, where the address is that of a recipient, a domain, or empty for all others.
 * An address counts before its domain, and that before all others, in whatever order they stand. An
 * option that a line does not have is that of the less precise line. `clam=no` turns the scan off,
 * `attach=.exe:.scr` bans files whose names end so; options about spam are not read. Throws a Fault of
 * kind `config`.
 */
export function linesFor(text: string, path: string): ImportedLine[] {
  const entries = entriesIn(text, path)
  // Of two lines about the same address simscan finds the first.
  const byAddress = new Map(entries.toReversed().map((entry) => [entry.address, entry.options]))
  return entries
    .toSorted((line, other) => rankOf(line) - rankOf(other) || line.number - other.number)
    .map(({ address, number, options }) => {
      const less = lessPrecise(address).map((general) => byAddress.get(general))
      const pattern = address === '' ? '*' : `to=${address}`
      try {
        parseConditions(pattern)
        const action = actionFor(Object.assign({}, ...less, options))
        return { line: number, policy: `${pattern} ${action}` }
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
    if (colon < 0) {
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

/** Returns what a line of onescan.policy says for these options. */
function actionFor({ clam = true, attach = [] }: SimcontrolOptions): string {
  if (attach.length === 0) return clam ? 'QHPSI="plugin: clamd"' : 'scan off'
  const strange = attach.find((end) => /["'\s]/.test(end))
  if (strange !== undefined) throw new Error(`attach=${strange}: has a quote or a blank`)
  const banned = `BADATTACHMENTS="${attach.map((end) => `*${end}`).join(' ')}"`
  return clam ? banned : `QHPSI="plugin: attachments" ${banned}`
}
