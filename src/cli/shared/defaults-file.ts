import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { error, type Finding, marked, warning } from '../../ground/errors/finding.ts'
import { shellWord } from '../../ground/errors/shell-word.ts'
import { readOwnFile } from '../../ground/path/open.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { rootFacts } from './root-facts.ts'
import { askSystemd, SYSTEMD, type SystemdUnit } from './systemd-unit.ts'

/** The administrator's settings of onescand. */
export const DEFAULTS = '/etc/default/onescand'

/** Where the package and npm keep what counts if the administrator's file does not say otherwise. */
const SHIPPED = ['/usr/share/onescan/defaults', join(import.meta.dirname, '../debian/defaults')]

/** The contents of a file of settings, as sh(1) or systemd understands them. */
export interface DefaultsFile {
  /** The file, and the files of the unit besides, in words. */
  readonly where: string
  /** The settings by name. If a name occurs twice, the later value counts. */
  readonly env: Environment
  /**
   * The options, from ONESCAND_OPTIONS or the unit, split into words as sh(1) and systemd.exec(5)
   * do.
   */
  readonly words: readonly string[]
  /**
   * About lines that have another effect than they seem to have: errors if they set nothing, else
   * warnings.
   */
  readonly findings: readonly Finding[]
}

/** Whether readDefaults() has a file to read. */
export function hasDefaults(file: string): boolean {
  return existsSync(file) || (existsSync(SYSTEMD) && unitOf(basename(file)) !== undefined)
}

/** The unit of a service: root has asked for it, since without D-Bus systemd answers root alone. */
function unitOf(service: string): SystemdUnit | undefined {
  return (rootFacts?.units[service] ?? undefined) || askSystemd(service)
}

/**
 * Reads the settings of the service that this file is named after: those of the file and, under
 * systemd, those that its unit has besides. Throws if one of the files cannot be read.
 */
export function readDefaults(file: string, isSystemd: boolean = existsSync(SYSTEMD)): DefaultsFile {
  const unit = isSystemd ? unitOf(basename(file)) : undefined
  if (unit === undefined) {
    const { env, findings } = readLines(file, isSystemd)
    return withOptions(file, [file], { env: { ...shippedFor(file, isSystemd), ...env }, findings })
  }
  const env: Record<string, string | undefined> = { ...unit.env }
  const findings: Finding[] = []
  for (const { path, isOptional } of unit.environmentFiles) {
    if (existsSync(path)) {
      const read = readLines(path, isSystemd)
      Object.assign(env, read.env)
      findings.push(...read.findings)
    } else if (!isOptional) {
      const value = `EnvironmentFile=${path} is not there: systemd does not start ${basename(file)}`
      const remedy = `make it, or write EnvironmentFile=-${shellWord(path)}`
      findings.push(marked(error(path, value, remedy), 'stops the start'))
    }
  }
  const read = unit.environmentFiles
    .map(({ path }) => path)
    .filter((path) => existsSync(path) && !isShipped(path))
  return withOptions(file, [...read, ...unit.files], { env, findings }, unit.words)
}

const isShipped = (path: string) => path.endsWith(`/defaults/${basename(path)}`)

/** What the run script reads before the file. */
function shippedFor(file: string, isSystemd: boolean): Environment {
  const shipped = SHIPPED.map((place) => join(place, basename(file))).find((path) =>
    existsSync(path),
  )
  return shipped === undefined ? {} : readLines(shipped, isSystemd).env
}

/** Adds the options: those in NAME_OPTIONS, or those of the unit. */
function withOptions(
  file: string,
  from: readonly string[],
  lines: Lines,
  commandLine?: readonly string[],
): DefaultsFile {
  const name = `${basename(file).toUpperCase().replaceAll('-', '_')}_OPTIONS`
  const options = (lines.env[name] ?? '').split(/[ \t\n]+/).filter((word) => word !== '')
  const words = commandLine?.flatMap((word) =>
    word === `$${name}` || word === `\${${name}}` ? options : [word],
  )
  return { where: from.join(' and ') || file, ...lines, words: words ?? options }
}

type Lines = Pick<DefaultsFile, 'env' | 'findings'>

/**
 * Reads lines `NAME="value"` as systemd.exec(5) reads an EnvironmentFile, or as sh(1) does in the
 * run script. The two differ about blanks around `=` and about line ends of Windows. Throws if the
 * file cannot be read.
 */
function readLines(file: string, isSystemd: boolean): Lines {
  const env: Record<string, string> = {}
  const findings: Finding[] = []
  const find = (level: typeof error, text: string, why: string, remedy: string) =>
    findings.push(level(file, `${text} ${why}`, remedy))
  const differing = isSystemd ? warning : error
  const text = rootFacts?.settings[file] ?? readOwnFile(file).toString('utf8')
  if (text.includes('\r\n')) {
    const why = 'has line ends of Windows (CR LF), which sh takes for a part of each value'
    find(differing, file, why, `sed -i 's/\\r$//' ${file}`)
  }
  for (const line of text.split('\n')) {
    const ended = isSystemd ? line.replace(/\r$/, '') : line
    const [, exported, name, before = '', after = '', rest = ''] =
      /^[ \t]*(export[ \t]+)?([A-Za-z_]\w*)([ \t]*)=([ \t]*)(.*)$/s.exec(ended) ?? []
    if (name === undefined) continue
    if (isSystemd && exported !== undefined) {
      const why = 'begins with export, which systemd takes for a part of the name: it sets nothing'
      const plain = ended.trim().slice(exported.trimStart().length)
      find(error, ended.trim(), why, `write ${plain}`)
      continue
    }
    const { value, isWhole, comment } = assigned(rest)
    const hasBlanks = before !== '' || (after !== '' && value !== '')
    if (hasBlanks) {
      const why = 'has blanks around =: sh sets nothing by it, and systemd does'
      find(differing, ended.trim(), why, `write ${name}="${value.replaceAll('\r', '')}"`)
    } else if (!isWhole) {
      const why = 'has blanks outside of quotes: sh takes what follows for a command'
      find(error, ended.trim(), why, 'put quotes around the value')
    }
    if (isSystemd && comment !== '') {
      const why = 'has a comment behind the value, which systemd takes for a part of it'
      const remedy = `write ${name}="${value}", and the comment in a line of its own`
      find(error, ended.trim(), why, remedy)
    }
    if (isSystemd || (!hasBlanks && isWhole)) env[name] = isSystemd ? value + comment : value
  }
  return { env, findings }
}

interface Assigned {
  /** The value without its quotes. */
  readonly value: string
  /** False if more than a comment follows. */
  readonly isWhole: boolean
  /** The comment, as systemd joins it to the value, or ''. */
  readonly comment: string
}

function assigned(rest: string): Assigned {
  const [, quote, quoted, behind] = /^(["'])(.*?)\1(.*)$/s.exec(rest) ?? []
  if (quote !== undefined) {
    const end = behind!.trim()
    // sh joins a carriage return after the quote to the value.
    const value = behind!.startsWith('\r') ? `${quoted}\r` : quoted!
    const isComment = /^\s+#/.test(behind!)
    return { value, isWhole: end === '' || isComment, comment: isComment ? end : '' }
  }
  const [value = '', ...others] = rest.split(/[ \t]+/)
  const isComment = others[0]?.startsWith('#') === true
  const comment = isComment ? rest.slice(value.length).trimEnd() : ''
  return { value, isWhole: others.length === 0 || others[0] === '' || isComment, comment }
}
