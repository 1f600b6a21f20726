import { basename } from 'node:path'
import { Fault } from '../../lib/errors/fault.ts'
import { absolutePath, choice, splitWords } from '../../lib/text/values.ts'
import { number, parsed, size, text, word, wordList } from './kinds.ts'

export const scanners = {
  QHPSI: parsed(undefined, readQhpsiLine, {
    laxer: (theirs, own) =>
      theirs && own && isWithin(theirs, own) ? undefined : 'names another scanner',
  }),
  QHPSIRC: number(1, { max: 255 }),
  QHPSIRN: number(0, { max: 255 }),
  QHPSIMINSIZE: size(undefined, {
    fromClient: 'taken',
    defaultInWords: 'no limit',
    passes: (bytes) => (bytes > 0 ? 'mail that is smaller' : undefined),
  }),
  QHPSIMAXSIZE: size(undefined, {
    fromClient: 'taken',
    defaultInWords: 'no limit',
    passes: (bytes) => (bytes > 0 ? 'mail that is larger' : undefined),
  }),
  SCANTIMEOUT: number(150, {
    min: 1,
    max: 86_400,
    unit: 'seconds',
    laxer: (theirs, own) => (theirs > own ? "is longer than the daemon's" : undefined),
  }),
  PLUGINDIR: text('plugins'),
  QUEUE_PLUGIN: text('virusscan', { alias: 'QUEUE_PLUGIN_SYMB' }), // IndiMail's name for it
}

/** Settings for mail in which a scanner found something. */
const foundMail = {
  REJECTVIRUS: parsed('0', readRejectVirus, { fromClient: 'taken' }),
  VIRUSFORWARD: parsed(undefined, readForward, { fromClient: 'taken' }),
  REFUSALTEXT: parsed(undefined, readReplyText, {
    fromClient: 'taken',
    defaultInWords: 'a text in English that names what was found',
  }),
  QUARANTINE: parsed(undefined, readQuarantine),
}

/** The limits above which the sweep removes messages. 0 means no limit. */
export const quarantineLimits = {
  QUARANTINEDAYS: number(30, { max: 36_500, unit: 'days', readers: ['onescand'] }),
  QUARANTINESIZE: size('10G', { readers: ['onescand'] }),
}

export const infectedMail = { ...foundMail, ...quarantineLimits }

const scanFail = ['defer', 'accept', 'quarantine'] as const

/** Settings for mail without a result of any scanner. */
const scanFailed = {
  SCANFAIL: word(scanFail, {
    laxer: accepts,
    passes: ifAccepted('mail about which the answer of the scanners is unknown'),
  }),
}

/** Mail of which scanners do not see all. */
const unseenMail = {
  // No retry makes a message smaller, but larger limits of clamd do let it in: it waits in its queue until
  // then. Filters that let it pass, such as clamav-milter and amavis, let in any virus that is padded.
  OVERSIZE: word(['defer', 'accept'], {
    passes: ifAccepted('mail that is larger than the scanners accept'),
  }),
  UNREAD: word(['refuse', 'defer', 'quarantine', 'accept'], {
    passes: ifAccepted('mail that is not fully scanned'),
  }),
  SECONDLOOK: word(['always', 'never']),
  STRICTMIME: word(['off', 'defer', 'quarantine', 'refuse']),
}

/** The reply to clients of clamd in that case. */
const clamdClients = {
  SCANFAIL_CLAMD: word(['error', 'limit'], { readers: ['onescand'] }),
}

export const unscannedMail = { ...scanFailed, ...clamdClients, ...unseenMail }

/** Settings that are read after the start, and whose faults are reported then. */
export const readLater = { ...quarantineLimits, ...clamdClients }

/** Settings for mail in which scanners found these properties. */
export const findings = { FINDINGS: parsed('', readFindings, { defaultInWords: 'none' }) }

/** The directory of signatures in ClamAV's packages. */
export const DEFAULT_DATABASE = '/var/lib/clamav'

/** The files with which this host speaks TLS with another onescand, as its client and its server. */
export const clamAvTls = {
  CLAMDCERT: parsed(undefined, absolutePath),
  CLAMDKEY: parsed(undefined, absolutePath),
  CLAMDCA: parsed(undefined, absolutePath),
}

export const clamAv = {
  CLAMD: wordList('/run/clamav/clamd.ctl'),
  ...clamAvTls,
  CLAMDMAXSIZE: size('100M'),
  CLAMDBDIR: text(undefined, { defaultInWords: `\`${DEFAULT_DATABASE}\`` }),
  BADATTACHMENTS: parsed(undefined, readBanned, { defaultInWords: '`control/badattachments`' }),
  ARCHIVEBANS: word(['off', 'on']),
}

/** How mail is scanned. */
export const scanning = { ...scanners, ...unseenMail, ...findings, ...clamAv }

/** Settings for mail after the scanners have answered. */
export const treatment = { ...foundMail, ...scanFailed }

/** Returns which mail passes unscanned: this one, if the value is `accept`. */
function ifAccepted(mail: string): (value: string | undefined) => string | undefined {
  return (value) => (value === 'accept' ? mail : undefined)
}

/** Reports why a client's SCANFAIL is laxer. */
function accepts(theirs: string | undefined, own: string | undefined): string | undefined {
  return theirs === 'accept' && own !== 'accept' ? "is laxer than the daemon's" : undefined
}

/** 0 tags the message, 2 drops it, anything else refuses it. */
function readRejectVirus(text: string): 'tag' | 'drop' | 'reject' {
  return text === '0' ? 'tag' : text === '2' ? 'drop' : 'reject'
}

/** The properties of a file that scanners report in addition to malware; FINDINGS uses these names. */
export const PROPERTIES = [
  'encrypted',
  'macros',
  'phishing',
  'unwanted',
  'structured',
  'broken',
] as const
export type Property = (typeof PROPERTIES)[number]

const findingActions = ['virus', 'accept', 'tag', 'defer', 'quarantine', 'refuse'] as const
/** The action for mail in which something was found; `virus`: the same action as for infected mail. */
export type FindingAction = (typeof findingActions)[number]

/** One word of FINDINGS: an action for a property, or for the names that a pattern matches. */
export interface FindingRule {
  readonly what: Property | { readonly pattern: string }
  readonly action: FindingAction
}

/** Parses words such as `macros=tag` or `PUA.*=accept`. The first word that matches a finding applies. */
function readFindings(text: string): readonly FindingRule[] {
  return splitWords(text, 'FINDINGS').map((given) => {
    const [, what = '', action] = /^([^=]+)=(.*)$/.exec(given) ?? []
    const example = 'write as "macros=tag" or "PUA.*=accept"'
    if (!action) throw new Fault('config', `FINDINGS ${given}: has no action; ${example}`)
    const property = PROPERTIES.find((word) => word === what)
    // Names of findings have a capital, a digit or a dot: this is a property that is misspelt.
    if (property === undefined && /^[a-z]+$/.test(what)) {
      const known = PROPERTIES.join(', ')
      throw new Fault('config', `FINDINGS ${given}: ${what} is not one of ${known}; ${example}`)
    }
    return {
      what: property ?? { pattern: what },
      action: choice(action, `FINDINGS ${what}`, findingActions, 'virus'),
    }
  })
}

/** Reads the recipient of infected mail, instead of those in the envelope. */
function readForward(text: string): string {
  if (!/[\s\0]/.test(text)) return text
  throw new Fault('config', 'VIRUSFORWARD: must be one address without spaces')
}

function readReplyText(text: string, name: string): string {
  checkReplyText(name, text)
  return text
}

/** Where onescan keeps mail that is neither delivered nor refused. */
export type QuarantineTarget =
  /** A directory of this host, owned by the account of the process that accepts the mail. */
  | { readonly kind: 'directory'; readonly directory: string }
  /** The hold queue of the MTA that uses the milter. */
  | { readonly kind: 'hold' }

function readQuarantine(text: string): QuarantineTarget {
  if (text === 'hold') return { kind: 'hold' }
  if (text.startsWith('/')) return { kind: 'directory', directory: text }
  throw new Fault('config', `QUARANTINE ${text}: must be an absolute path, or hold`)
}

/**
 * The control file of banned names and types (ATTACHMENTS in onescan-settings(5)), or patterns of
 * names alone.
 */
export type BannedBy = { readonly file: string } | { readonly names: readonly string[] }

/**
 * Reads an absolute path or patterns of names. A name has to hold `*` or `?`, so that a misspelt path is
 * an error and not taken for a name.
 */
function readBanned(text: string): BannedBy {
  if (text.startsWith('/')) return { file: text }
  const names = splitWords(text, 'BADATTACHMENTS')
  if (names.length > 0 && names.every((name) => /[*?]/.test(name))) return { names }
  throw new Fault(
    'config',
    `BADATTACHMENTS ${text}: must be an absolute path, or names with * or ?, such as "*.exe *.scr"`,
  )
}

/** The plugins that are part of onescan. */
export const builtInNames = ['clamd', 'clamscan', 'attachments', 'eicar'] as const
export type BuiltInName = (typeof builtInNames)[number]

/** The plugins of onescan that never use the file of a message (`Sample`), and so need no SPOOLDIR. */
export const namesWithoutPath: readonly string[] = [
  'clamd',
  'attachments',
  'eicar',
] satisfies BuiltInName[]

export function isBuiltIn(name: string): name is BuiltInName {
  return (builtInNames as readonly string[]).includes(name)
}

/** The value of QHPSI: one command, or plugins in their order. */
export type QhpsiLine =
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  | { readonly kind: 'plugins'; readonly names: readonly string[] }

/** Parses `plugin: NAME…` or a command. Returns undefined if the text is blank. */
function readQhpsiLine(text: string): QhpsiLine | undefined {
  if (text.trim() === '') return undefined
  const plugins = /^\s*plugin:(.*)$/s.exec(text)
  const words = splitWords(plugins ? plugins[1]! : text, 'QHPSI')
  if (words.length === 0) {
    throw new Fault('config', `QHPSI ${text}: specifies no scanner; unset it to scan nothing`)
  }
  if (plugins) return { kind: 'plugins', names: words }
  refusePlugins(text, words)
  refuseWithoutFile(text, words)
  return { kind: 'command', argv: words }
}

/**
 * Throws a Fault if clamscan or clamdscan gets options and no file: it would scan the directory that it runs
 * in.
 */
function refuseWithoutFile(text: string, [program = '', ...others]: readonly string[]): void {
  const hasFile = others.length === 0 || others.some((word) => !word.startsWith('--'))
  if (hasFile || !/^clamd?scan/.test(basename(program))) return
  const meant = `${text.trim()} %s`
  throw new Fault(
    'config',
    `QHPSI ${text}: specifies no file for its options; did you mean "${meant}"?`,
  )
}

/**
 * Throws a Fault if the command is the name of a plugin. `clamd` as a command is the daemon, whose exit
 * code means *infected*: all mail would be refused. (`clamscan` alone is a command that works.)
 */
function refusePlugins(text: string, words: readonly string[]): void {
  const [named, first = ''] = /^plugins?(?:[,;=](.*))?$/.exec(words[0]!) ?? []
  if (named !== undefined) {
    const names = [first, ...words.slice(1)].filter((word) => word !== '').join(' ') || 'clamd'
    throw new Fault('config', `QHPSI ${text}: has no colon; did you mean "plugin: ${names}"?`)
  }
  const areNames = words.every(isBuiltIn) && words.join() !== 'clamscan'
  if (!areNames && basename(words[0]!) !== 'clamd') return
  const suggestion = areNames ? words.join(' ') : 'clamd'
  throw new Fault(
    'config',
    `QHPSI ${text}: names a built-in plugin as a command; did you mean "plugin: ${suggestion}"?`,
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

/** The upper limit for the characters of a reply text in the settings, before its placeholders are filled. */
const TEXT_MAX = 200

const PLACEHOLDERS = ['virus', 'reason', 'id', 'host'] as const
/** A word in braces in a reply text, which is replaced for each message. */
export type Placeholder = (typeof PLACEHOLDERS)[number]

/**
 * Checks a reply text of the settings. `what` names the setting. Throws a Fault of kind `config` if the text
 * is too long, or has a line end or an unknown placeholder.
 */
export function checkReplyText(what: string, text: string): void {
  const wrong = (why: string) => new Fault('config', `${what}: ${why}`)
  if (text.length > TEXT_MAX) throw wrong(`has ${text.length} characters; at most ${TEXT_MAX}`)
  if (/[^ -~]/.test(text))
    throw wrong('has a line end, or another character that is not printable ASCII')
  for (const [placeholder, word] of text.matchAll(/\{([^{}]*)\}/g)) {
    if (PLACEHOLDERS.some((known) => known === word)) continue
    throw wrong(`${placeholder}: must be ${PLACEHOLDERS.map((known) => `{${known}}`).join(', ')}`)
  }
}
