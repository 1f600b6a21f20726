import { basename, join } from 'node:path'
import { Fault } from '../../ground/errors/fault.ts'
import { scannerEnvironment } from '../../ground/settings/environment.ts'
import { readSetting } from '../../ground/settings/read.ts'
import { type Environment, isSet } from '../../ground/settings/settings.ts'
import { choice, splitWords } from '../../ground/settings/table/values.ts'
import { table } from '../../ground/settings/table.ts'

/** The plugins that come with onescan. */
export const builtInNames = ['clamd', 'clamscan', 'attachments', 'eicar'] as const
export type BuiltInName = (typeof builtInNames)[number]

/** The value of QHPSI: one command, or plugins in their order. */
export type QhpsiLine =
  | { readonly kind: 'command'; readonly words: readonly string[] }
  | { readonly kind: 'plugins'; readonly names: readonly string[] }

/** Settings of the plugins `clamd` and `clamscan`. */
export interface ClamPolicy {
  /** Paths of Unix sockets and host:port, in the order of CLAMD. */
  readonly addresses: readonly string[]
  /** Most bytes that are sent. More is never sent, because clamd answers OK to what is over its own limit. */
  readonly maxSize: number
}

/** The program by which the plugin `clamscan` scans. */
export interface ClamscanPolicy {
  readonly way: 'clamscan' | 'clamdscan'
  /** Its absolute path. */
  readonly program: string
  /** File or directory with clamscan's signatures; undefined: its own default. */
  readonly database: string | undefined
  /** The clamd.conf(5) that clamdscan reads; undefined: its own default. */
  readonly configFile: string | undefined
}

/** What becomes of mail that is kept out for its form. */
export type FormAction = 'refuse' | 'defer' | 'quarantine'

export interface NestingPolicy {
  /** Most messages inside one another, and most multiparts inside one another in one message. */
  readonly max: number
  /** What happens to a message that is nested deeper: no scanner sees all of it. */
  readonly action: FormAction | 'accept'
}

export interface SecondLookPolicy {
  /** Whether decoded contents are scanned besides the whole message. */
  readonly when: 'always' | 'never'
  /** What happens to mail with something in it that nobody can look into. */
  readonly encrypted: FormAction | 'accept'
  /** What happens to mail with a form that ordinary mail never has. */
  readonly strict: FormAction | 'off'
}

export interface AttachmentPolicy {
  /** The control file of banned names and types (ATTACHMENTS in onescan-queue(8)), or patterns of names alone. */
  readonly rules: { readonly file: string } | { readonly names: readonly string[] }
  /** Mail with more in it than is read: *could not tell*, or judged by what was read. */
  readonly malformed: 'defer' | 'accept'
}

export interface FilePluginPolicy {
  readonly directory: string
  /** Name of the export or C symbol. */
  readonly symbol: string
}

/** Everything about scanners; see onescan-queue(8) for each variable. */
export interface ScanPolicy {
  readonly line: QhpsiLine
  /** Exit codes of a command or a C plugin: QHPSIRC and QHPSIRN. */
  readonly infectedCode: number
  readonly cleanCode: number
  /** Bytes; smaller and larger messages are not scanned. */
  readonly minSize: number
  readonly maxSize: number
  /** Milliseconds for all scanners of one message together. */
  readonly timeout: number
  /** What happens to a message over a scanner's own size limit: it is not scanned, or *could not tell*. */
  readonly oversize: 'accept' | 'defer'
  readonly nesting: NestingPolicy
  readonly secondLook: SecondLookPolicy
  readonly clam: ClamPolicy
  readonly clamscan: ClamscanPolicy
  readonly attachments: AttachmentPolicy
  readonly filePlugins: FilePluginPolicy
  /** The environment of scanners that are programs. */
  readonly environment: Readonly<Record<string, string>>
}

/** What happens to a message in which a scanner found something. */
export interface InfectedPolicy {
  /** REJECTVIRUS: 0 tags the message, 2 drops it, anything else refuses it. */
  readonly action: 'tag' | 'drop' | 'reject'
  /** Patterns with `*` of signatures for which a message is only tagged. */
  readonly tagOnly: readonly string[]
  /** VIRUSFORWARD: the recipient instead of those in the envelope. */
  readonly forward: string | undefined
}

export type Unscanned = (typeof table.SCANFAIL.words)[number]

/** What happens to a message that no scanner could judge. */
export interface UnscannedPolicy {
  readonly others: Unscanned
  readonly relayClients: Unscanned
}

/**
 * Reads QHPSI and the settings of scanners. Undefined if QHPSI is unset or empty. `qmailHome` and
 * `control` are absolute directories. Throws Faults of kind `config`.
 */
export function readScanPolicy(
  env: Environment,
  directories: { readonly qmailHome: string; readonly control: string },
): ScanPolicy | undefined {
  const line = readQhpsiLine(env.QHPSI ?? '')
  if (line === undefined) return undefined
  const attachments = readAttachmentPolicy(env, directories.control)
  return {
    line: 'names' in attachments.rules ? withAttachments(line) : line,
    infectedCode: readSetting(env, 'QHPSIRC'),
    cleanCode: readSetting(env, 'QHPSIRN'),
    minSize: readSetting(env, 'QHPSIMINSIZE'),
    maxSize: readSetting(env, 'QHPSIMAXSIZE') || Number.MAX_SAFE_INTEGER,
    timeout: readSetting(env, 'SCANTIMEOUT') * 1000,
    oversize: readSetting(env, 'OVERSIZE'),
    nesting: {
      max: readSetting(env, 'MAXNESTING'),
      action: readSetting(env, 'OVERNESTING'),
    },
    secondLook: {
      when: readSetting(env, 'SECONDLOOK'),
      encrypted: readSetting(env, 'ENCRYPTED'),
      strict: readSetting(env, 'STRICTMIME'),
    },
    clam: {
      addresses: splitWords(readSetting(env, 'CLAMD'), 'CLAMD'),
      maxSize: readSetting(env, 'CLAMDMAXSIZE'),
    },
    clamscan: readClamscanPolicy(env),
    attachments,
    filePlugins: {
      directory: below(directories.qmailHome, readSetting(env, 'PLUGINDIR')),
      symbol: readSetting(env, 'QUEUE_PLUGIN'),
    },
    environment: scannerEnvironment(env),
  }
}

/**
 * Reads BADATTACHMENTS, an absolute path or patterns of names. A name has to hold `*` or `?`, so that a
 * misspelt path is an error and not taken for a name.
 */
function readAttachmentPolicy(env: Environment, control: string): AttachmentPolicy {
  const malformed = readSetting(env, 'BADMIME')
  const text = env.BADATTACHMENTS || undefined
  if (text === undefined) return { rules: { file: join(control, 'badattachments') }, malformed }
  if (text.startsWith('/')) return { rules: { file: text }, malformed }
  const names = splitWords(text, 'BADATTACHMENTS')
  if (names.length > 0 && names.every((name) => /[*?]/.test(name))) {
    return { rules: { names }, malformed }
  }
  throw new Fault(
    'config',
    `BADATTACHMENTS ${text}: must be an absolute path, or names with * or ?, as "*.exe *.scr"`,
  )
}

/** Adds the plugin attachments to QHPSI: names in BADATTACHMENTS are useless without it. */
function withAttachments(line: QhpsiLine): QhpsiLine {
  if (line.kind === 'command') {
    const text = 'BADATTACHMENTS: a QHPSI with a command looks for no names'
    throw new Fault('config', `${text}; say QHPSI="plugin: attachments clamd"`)
  }
  const { names } = line
  return names.includes('attachments') ? line : { ...line, names: ['attachments', ...names] }
}

const below = (home: string, path: string) => (path.startsWith('/') ? path : join(home, path))

function readClamscanPolicy(env: Environment): ClamscanPolicy {
  const way = readSetting(env, 'CLAMSCAN')
  return {
    way,
    program: env.CLAMSCANPROGRAM || `/usr/bin/${way}`,
    database: env.CLAMDBDIR || undefined,
    configFile: env.CLAMDCONF || undefined,
  }
}

export function isBuiltIn(name: string): name is BuiltInName {
  return (builtInNames as readonly string[]).includes(name)
}

/** Reads `plugin: NAME…` or a command; undefined if the text is blank. */
export function readQhpsiLine(text: string): QhpsiLine | undefined {
  if (text.trim() === '') return undefined
  const plugins = /^\s*plugin:(.*)$/s.exec(text)
  const words = splitWords(plugins ? plugins[1]! : text, 'QHPSI')
  if (words.length === 0) {
    throw new Fault('config', `QHPSI ${text}: names no scanner; unset it to scan nothing`)
  }
  if (plugins) return { kind: 'plugins', names: words }
  refusePlugins(text, words)
  return { kind: 'command', words }
}

/**
 * Throws a Fault if the command is the name of a plugin. `clamd` as a command is the daemon, whose exit
 * code means *infected*: all mail would be refused. (`clamscan` alone is a command that works.)
 */
function refusePlugins(text: string, words: readonly string[]): void {
  const areNames = words.every(isBuiltIn) && words.join() !== 'clamscan'
  if (!areNames && basename(words[0]!) !== 'clamd') return
  const suggestion = areNames ? words.join(' ') : 'clamd'
  throw new Fault(
    'config',
    `QHPSI ${text}: names a built-in plugin as a command; did you mean "plugin: ${suggestion}"?`,
  )
}

export function readInfectedPolicy(env: Environment): InfectedPolicy {
  const reject = env.REJECTVIRUS ?? ''
  const forward = env.VIRUSFORWARD || undefined
  if (forward !== undefined && /[\s\0]/.test(forward)) {
    throw new Fault('config', 'VIRUSFORWARD: must be one address without blanks')
  }
  return {
    action: reject === '' || reject === '0' ? 'tag' : reject === '2' ? 'drop' : 'reject',
    tagOnly: splitWords(env.VIRUSTAGONLY ?? '', 'VIRUSTAGONLY'),
    forward,
  }
}

export function readUnscannedPolicy(env: Environment): UnscannedPolicy {
  const others = readSetting(env, 'SCANFAIL')
  const relayClients = isSet(env, 'SCANFAIL_RELAY')
    ? choice(env.SCANFAIL_RELAY, 'SCANFAIL_RELAY', table.SCANFAIL.words, others)
    : others
  return { others, relayClients }
}
