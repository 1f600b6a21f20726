import { basename, join } from 'node:path'
import { Fault } from '../../ground/errors/fault.ts'
import { scannerEnvironment } from '../../ground/settings/environment.ts'
import { readNumber, readSize, readText, readWord } from '../../ground/settings/read.ts'
import { choice, type Environment, isSet, splitWords } from '../../ground/settings/settings.ts'
import { table } from '../../ground/settings/table.ts'
import { isBuiltIn } from './built-in-names.ts'

/** What QHPSI asks for: one command, or plugins in their order. */
export type QhpsiLine =
  | { readonly kind: 'command'; readonly words: readonly string[] }
  | { readonly kind: 'plugins'; readonly names: readonly string[] }

/** `clamd` and `clamscan`: how they are reached and what they are trusted with. */
export interface ClamPolicy {
  /** Unix socket paths and host:port, in the order of trial. */
  readonly addresses: readonly string[]
  /** Bytes; clamd answers OK to what is over its own limit, so more is never sent. */
  readonly maxSize: number
}

/** `clamscan`: the one way to scan that the npm package is held to. */
export interface ClamscanPolicy {
  /** A program, or a clamd of CLAMD: by its socket, by TCP, by TCP with TLS. */
  readonly way: 'clamscan' | 'clamdscan' | 'socket' | 'tcp' | 'tls'
  /** Absolute path of the program clamscan or clamdscan. */
  readonly program: string
  /** clamscan's signatures, a file or directory; undefined is its own default. */
  readonly database: string | undefined
  /** clamdscan's clamd.conf(5); undefined is its own default. */
  readonly configFile: string | undefined
}

export interface NestingPolicy {
  /** Messages inside one another, and multiparts inside one another in one message. */
  readonly max: number
  /** What becomes of what is nested deeper: no scanner sees all of it. */
  readonly over: 'reject' | 'defer' | 'quarantine' | 'accept'
}

export interface SecondLookPolicy {
  /** Whether decoded contents are scanned beside the whole message; `odd`: where readers may differ. */
  readonly when: 'odd' | 'always' | 'never'
  /** What becomes of mail with a trait that ordinary mail never has. */
  readonly strict: 'off' | 'defer' | 'quarantine' | 'refuse'
}

export interface AttachmentPolicy {
  /** Control file of banned names and types; the plugin explains its format. Or patterns of names alone. */
  readonly rules: { readonly file: string } | { readonly names: readonly string[] }
  /** Malformed MIME: could not tell, or looked at as far as it can be read. */
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
  /** Bytes; messages outside are not scanned. */
  readonly minSize: number
  readonly maxSize: number
  /** Milliseconds for all scanners of one message together. */
  readonly timeout: number
  /** Over a scanner's own size limit: not scanned, or could not tell. */
  readonly oversize: 'accept' | 'defer'
  readonly nesting: NestingPolicy
  readonly secondLook: SecondLookPolicy
  readonly clam: ClamPolicy
  readonly clamscan: ClamscanPolicy
  readonly attachments: AttachmentPolicy
  readonly filePlugins: FilePluginPolicy
  /** For scanners that are programs. */
  readonly environment: Readonly<Record<string, string>>
}

/** What happens to a message that a scanner found something in. */
export interface InfectedPolicy {
  /** REJECTVIRUS: 0 tags, 2 drops, anything else refuses. */
  readonly action: 'tag' | 'drop' | 'reject'
  /** Patterns with `*` of signatures that are only ever tagged. */
  readonly tagOnly: readonly string[]
  /** VIRUSFORWARD: the one recipient instead of the envelope's. */
  readonly forward: string | undefined
}

export type Unscanned = (typeof table.SCANFAIL.words)[number]

/** What happens to a message that no scanner could judge. */
export interface UnscannedPolicy {
  readonly others: Unscanned
  readonly relayClients: Unscanned
}

/**
 * Reads QHPSI and what belongs to it; undefined if QHPSI is unset or empty.
 * `qmailHome` and `control` are absolute directories. Faults are of kind `config`.
 */
export function readScanPolicy(
  env: Environment,
  place: { readonly qmailHome: string; readonly control: string },
): ScanPolicy | undefined {
  const line = readQhpsiLine(env.QHPSI ?? '')
  if (line === undefined) return undefined
  const attachments = readAttachmentPolicy(env, place.control)
  return {
    line: 'names' in attachments.rules ? withAttachments(line) : line,
    infectedCode: readNumber(env, 'QHPSIRC'),
    cleanCode: readNumber(env, 'QHPSIRN'),
    minSize: readSize(env, 'QHPSIMINSIZE'),
    maxSize: readSize(env, 'QHPSIMAXSIZE') || Number.MAX_SAFE_INTEGER,
    timeout: readNumber(env, 'SCANTIMEOUT') * 1000,
    oversize: readWord(env, 'OVERSIZE'),
    nesting: {
      max: readNumber(env, 'MAXNESTING'),
      over: readWord(env, 'OVERNESTING'),
    },
    secondLook: {
      when: readWord(env, 'SECONDLOOK'),
      strict: readWord(env, 'STRICTMIME'),
    },
    clam: {
      addresses: splitWords(readText(env, 'CLAMD'), 'CLAMD'),
      maxSize: readSize(env, 'CLAMDMAXSIZE'),
    },
    clamscan: readClamscanPolicy(env),
    attachments,
    filePlugins: {
      directory: below(place.qmailHome, readText(env, 'PLUGINDIR')),
      symbol: env.QUEUE_PLUGIN || env.QUEUE_PLUGIN_SYMB || 'virusscan',
    },
    environment: scannerEnvironment(env),
  }
}

/** Of BADATTACHMENTS, which is an absolute path or patterns of names: never a misspelt path taken for a name. */
function readAttachmentPolicy(env: Environment, control: string): AttachmentPolicy {
  const malformed = readWord(env, 'BADMIME')
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

/** Who names files that are banned wants them looked for. */
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
  const way = readWord(env, 'CLAMSCAN')
  return {
    way,
    program:
      env.CLAMSCANPROGRAM || (way === 'clamdscan' ? '/usr/bin/clamdscan' : '/usr/bin/clamscan'),
    database: env.CLAMDBDIR || undefined,
    configFile: env.CLAMDCONF || undefined,
  }
}

/** `plugin: NAME…` or a command; undefined if there is nothing. */
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
 * `clamd` as a command is the daemon, which ends with an exit code that means infected: all mail
 * would be refused. clamscan alone is a command that works.
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
  const others = readWord(env, 'SCANFAIL')
  const relayClients = isSet(env, 'SCANFAIL_RELAY')
    ? choice(env, 'SCANFAIL_RELAY', table.SCANFAIL.words, others)
    : others
  return { others, relayClients }
}
