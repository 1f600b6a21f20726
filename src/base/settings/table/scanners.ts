import { basename } from 'node:path'
import { Fault } from '../../errors/fault.ts'
import { splitWords } from '../../text/values.ts'
import { forScanners, number, onescanAlone, parsed, size, text } from './kinds.ts'

export const scanners = {
  QHPSI: parsed(undefined, readQhpsiLine, {
    ...onescanAlone,
    laxer: (theirs, own) =>
      theirs && own && isWithin(theirs, own) ? undefined : 'names another scanner',
  }),
  QHPSIRC: number(1, { max: 255, ...onescanAlone }),
  QHPSIRN: number(0, { max: 255, ...onescanAlone }),
  QHPSIMINSIZE: size(undefined, {
    ...onescanAlone,
    fromClient: 'overrides',
    defaultInWords: 'no limit',
    passes: (bytes) => (bytes > 0 ? 'mail that is smaller' : undefined),
  }),
  QHPSIMAXSIZE: size(undefined, {
    ...onescanAlone,
    fromClient: 'overrides',
    defaultInWords: 'no limit',
    passes: (bytes) => (bytes > 0 ? 'mail that is larger' : undefined),
  }),
  SCANTIMEOUT: number(150, {
    min: 1,
    max: 86_400,
    unit: 'seconds',
    ...forScanners,
    laxer: (theirs, own) => (theirs > own ? "is longer than the daemon's" : undefined),
  }),
  PLUGINDIR: text('plugins', onescanAlone),
  QUEUE_PLUGIN: text('virusscan', { ...onescanAlone, alias: 'QUEUE_PLUGIN_SYMB' }), // IndiMail's name for it
}

/** The plugins that are part of onescan. One without `needsFile` never uses SPOOLDIR (`Sample`). */
const builtIn = {
  clamd: { needsFile: false },
  clamscan: { needsFile: true },
  attachments: { needsFile: false },
  eicar: { needsFile: false },
} as const
export type BuiltInName = keyof typeof builtIn
export const builtInNames = Object.keys(builtIn) as readonly BuiltInName[]

/** Returns whether a plugin opens the file of a message by its path, as all do that are not part of onescan. */
export const needsFile = (name: string): boolean => !isBuiltIn(name) || builtIn[name].needsFile

export function isBuiltIn(name: string): name is BuiltInName {
  return Object.hasOwn(builtIn, name)
}

/** The value of QHPSI: one command, or plugins in their order. */
export type QhpsiLine =
  | { readonly kind: 'command'; readonly argv: readonly [string, ...string[]] }
  | { readonly kind: 'plugins'; readonly names: readonly string[] }

/** The value of QHPSI by which nothing is scanned. */
const NONE = 'none'

/** The scanners of onescand, unless its QHPSI names others. Other programs scan nothing then. */
export const DAEMON_QHPSI = 'plugin: clamd'

/** Returns whether a value of QHPSI names scanners, right or wrong. */
export function namesScanners(value = ''): boolean {
  return !['', NONE].includes(value.trim())
}

/** Parses `plugin: NAME…` or a command. Returns undefined for `none`. */
function readQhpsiLine(value: string): QhpsiLine | undefined {
  if (value.trim() === NONE) return undefined
  const [, plugins] = /^\s*plugin:(.*)$/s.exec(value) ?? []
  const words = splitWords(plugins ?? value, 'QHPSI')
  const [program, ...args] = words
  if (program === undefined || words.join('').trim() === '') {
    throw new Fault(
      'config',
      `QHPSI ${value}: specifies no scanner; set it to none to scan nothing`,
    )
  }
  if (plugins !== undefined) return { kind: 'plugins', names: words }
  refusePlugins(value, words)
  refuseWithoutFile(value, words)
  return { kind: 'command', argv: [program, ...args] }
}

/**
 * Throws a Fault if clamscan or clamdscan gets options and no file: it would scan the directory that it runs
 * in.
 */
function refuseWithoutFile(value: string, [program = '', ...others]: readonly string[]): void {
  const hasFile = others.length === 0 || others.some((word) => !word.startsWith('--'))
  if (hasFile || !/^clamd?scan/.test(basename(program))) return
  const meant = `${value.trim()} %s`
  throw new Fault(
    'config',
    `QHPSI ${value}: specifies no file for its options; did you mean "${meant}"?`,
  )
}

/**
 * Throws a Fault if the command is the name of a plugin. `clamd` as a command is the daemon, whose exit
 * code means *infected*: all mail would be refused. (`clamscan` alone is a command that works.)
 */
function refusePlugins(value: string, words: readonly string[]): void {
  const [program = '', ...others] = words
  const [named, first = ''] = /^plugins?(?:[,;=](.*))?$/.exec(program) ?? []
  if (named !== undefined) {
    const names = [first, ...others].filter((word) => word !== '').join(' ') || 'clamd'
    throw new Fault('config', `QHPSI ${value}: has no colon; did you mean "plugin: ${names}"?`)
  }
  const areNames = words.every(isBuiltIn) && words.join() !== 'clamscan'
  if (!areNames && basename(program) !== 'clamd') return
  const suggestion = areNames ? words.join(' ') : 'clamd'
  throw new Fault(
    'config',
    `QHPSI ${value}: names a built-in plugin as a command; did you mean "plugin: ${suggestion}"?`,
  )
}

/** Returns whether a client's QHPSI is the daemon's own, or names some of the daemon's plugins, each once. */
function isWithin(line: QhpsiLine, own: QhpsiLine): boolean {
  if (line.kind === 'plugins' && own.kind === 'plugins') {
    const names = new Set(line.names)
    const areSame = line.names.join('\0') === own.names.join('\0')
    return (
      areSame ||
      (names.size === line.names.length && line.names.every((name) => own.names.includes(name)))
    )
  }
  return (
    line.kind === 'command' &&
    own.kind === 'command' &&
    line.argv.join('\0') === own.argv.join('\0')
  )
}
