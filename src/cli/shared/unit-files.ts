import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readOwnText } from '../../ground/path/read.ts'
import { splitWords } from '../../ground/settings/settings.ts'

/** The settings in the administrator's own unit, or in the additions to the package's (systemctl edit). */
export interface UnitFiles {
  /** The files in the order in which systemd reads them. */
  readonly files: readonly string[]
  /** The variables of Environment=, by name. */
  readonly env: Readonly<Record<string, string>>
  /** The files of EnvironmentFile=. Each overrides Environment= and the files before it. */
  readonly environmentFiles: readonly EnvironmentFile[]
  /** The words behind the program of ExecStart=; undefined if that is the package's own. */
  readonly words: readonly string[] | undefined
}

export interface EnvironmentFile {
  readonly path: string
  /** Whether a `-` stands before it, so that it may be missing. */
  readonly isOptional: boolean
}

/** systemd.unit(5): if several directories have a file of the same name, the first one counts. */
const DIRECTORIES = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system']
/** The directory of the administrator's units. */
const OWN = DIRECTORIES[0]!

/**
 * Reads the files that the administrator wrote for the unit of this name. Undefined if there is only
 * the package's unit, which reads `defaultFile`. Throws if a file cannot be read or, for root, if others
 * may write to it.
 */
export function readUnitFiles(name: string, defaultFile: string): UnitFiles | undefined {
  const own = join(OWN, `${name}.service`)
  const isOwn = isFile(own)
  const files = [...(isOwn ? [own] : []), ...dropIns(`${name}.service.d`)]
  if (files.length === 0) return undefined
  let env: Record<string, string> = {}
  let environmentFiles: EnvironmentFile[] = isOwn ? [] : [{ path: defaultFile, isOptional: true }]
  let words: string[] | undefined
  for (const file of files) {
    for (const [key, value] of serviceLines(readOwnText(file))) {
      // An empty value clears what came before: systemd.exec(5).
      if (key === 'Environment') env = value === '' ? {} : { ...env, ...assignments(value, file) }
      if (key === 'EnvironmentFile') {
        environmentFiles = value === '' ? [] : [...environmentFiles, environmentFile(value)]
      }
      if (key === 'ExecStart') words = value === '' ? undefined : wordsOf(value, file).slice(1)
    }
  }
  return { files, env, environmentFiles, words }
}

/** The files of all directories together, by name. */
function dropIns(name: string): string[] {
  const found = new Map<string, string>()
  for (const directory of DIRECTORIES) {
    for (const file of namesIn(join(directory, name))) {
      if (file.endsWith('.conf') && !found.has(file)) found.set(file, join(directory, name, file))
    }
  }
  return [...found].sort(([name], [other]) => (name < other ? -1 : 1)).map(([, path]) => path)
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** Whether it is a file; a masked unit is a link. */
function isFile(path: string): boolean {
  try {
    return lstatSync(path).isFile()
  } catch {
    return false
  }
}

/** `Key=value` in [Service]. Lines that end in a backslash are joined: systemd.syntax(7). */
function serviceLines(text: string): [key: string, value: string][] {
  let section = ''
  return text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .flatMap((line): [string, string][] => {
      section = /^\s*\[(.*)\]\s*$/.exec(line)?.[1] ?? section
      const [, key, value = ''] = /^\s*([A-Za-z]+)\s*=(.*)$/.exec(line) ?? []
      return section === 'Service' && key !== undefined ? [[key, value.trim()]] : []
    })
}

/** `NAME=value "NAME=value with blanks"`. */
function assignments(text: string, file: string): Record<string, string> {
  return Object.fromEntries(
    wordsOf(text, file).flatMap((word) => {
      const at = word.indexOf('=')
      return at > 0 ? [[word.slice(0, at), word.slice(at + 1)]] : []
    }),
  )
}

/** The words of a line; a percent sign is written twice. */
const wordsOf = (text: string, file: string) =>
  splitWords(text, file).map((word) => word.replaceAll('%%', '%'))

function environmentFile(value: string): EnvironmentFile {
  return { path: value.replace(/^-/, ''), isOptional: value.startsWith('-') }
}
