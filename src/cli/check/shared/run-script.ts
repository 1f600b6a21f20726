import { basename } from 'node:path'
import { splitWords } from '../../../ground/settings/settings.ts'

/** What a service's run script sets for the slot. */
export interface RunScript {
  /** Variables that it sets to plain values. */
  readonly environment: Readonly<Record<string, string>>
  /** envdir's directories and the rules of tcpserver's -x, in order: later ones win. */
  readonly steps: readonly EnvironmentStep[]
  /** The account of setuidgid, or the numbers given to tcpserver. */
  readonly user: string | { readonly uid: number; readonly gid: number } | undefined
  /** The groups given to chpst, which replace the account's own. */
  readonly groups: readonly string[]
  /** Bytes; the smallest of each limit. Undefined is no limit. */
  readonly limits: MemoryLimits
}

export type EnvironmentStep =
  | { readonly kind: 'envdir'; readonly directory: string }
  | { readonly kind: 'rules'; readonly file: string }

/**
 * What id(1) would print, `-u` or `-g` and a name; undefined if that account or group is not known.
 */
export type LookUpId = (option: 'u' | 'g', name: string) => number | undefined

/** Limits at which a runtime can fail; setrlimit(2). */
export interface MemoryLimits {
  readonly addressSpace: number | undefined
  readonly data: number | undefined
  readonly stack: number | undefined
}

/**
 * The most words of a command, and characters of a value and of a line. So filled in variables
 * cannot make the script much larger than it is.
 */
const OPTIONS_MAX = 64
const LINE_MAX = 65_536
const VALUE_MAX = 1024

export const noLimits: MemoryLimits = { addressSpace: undefined, data: undefined, stack: undefined }

/**
 * Reads a run script as far as it consists of plain commands: assignments, softlimit, ulimit,
 * chpst, envdir, setuidgid, tcpserver, and `$(id -u NAME)`. The script is not run. What only a
 * shell could understand (other $(...), conditions) is left out.
 */
export function readRunScript(text: string, identify: LookUpId = () => undefined): RunScript {
  const script: RunScriptDraft = {
    environment: {},
    steps: [],
    user: undefined,
    groups: [],
    limits: noLimits,
  }
  for (const line of logicalLines(substituted(text, identify))) {
    const words = wordsOf(line, script.environment)
    readAssignments(words, script)
    for (const [index, word] of words.entries()) {
      readCommand(basename(word), words.slice(index + 1, index + 1 + OPTIONS_MAX), script)
    }
  }
  return script
}

interface RunScriptDraft {
  environment: Record<string, string>
  steps: EnvironmentStep[]
  user: RunScript['user']
  groups: readonly string[]
  limits: MemoryLimits
}

/** `NAME=value`, also behind export or env. A value that still holds a $ is not known here. */
function readAssignments(words: readonly string[], script: RunScriptDraft): void {
  for (const word of words) {
    if (/^(exec|export|env)$/.test(word)) continue
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? []
    if (name === undefined || value === undefined) {
      if (words[0] === 'export') continue // it has its value already
      return
    }
    if (!/[$`]/.test(value) && value.length <= VALUE_MAX) script.environment[name] = value
  }
}

function readCommand(command: string, words: readonly string[], script: RunScriptDraft): void {
  switch (command) {
    case 'softlimit':
      script.limits = smallest(script.limits, softlimit(words))
      break
    case 'ulimit':
      script.limits = smallest(script.limits, ulimit(words))
      break
    case 'envdir':
    case 's6-envdir':
      if (words[0] !== undefined) script.steps.push({ kind: 'envdir', directory: words[0] })
      break
    case 'setuidgid':
    case 's6-setuidgid':
      script.user = words[0]
      script.groups = []
      break
    case 'chpst':
      chpst(words, script)
      break
    case 'tcpserver': {
      const options = optionsOf(words, 'xcBbtugilf')
      const [uid, gid] = [number(options.get('u')), number(options.get('g'))]
      if (uid !== undefined && gid !== undefined) script.user = { uid, gid }
      const file = options.get('x')
      if (file) script.steps.push({ kind: 'rules', file })
      break
    }
  }
}

/** chpst(8) of runit: -u sets the account, -e a directory of variables, -m all memory limits. */
function chpst(words: readonly string[], script: RunScriptDraft): void {
  const options = optionsOf(words, 'uUebnlLmdoprfct/')
  const directory = options.get('e')
  if (directory !== undefined) script.steps.push({ kind: 'envdir', directory })
  const [user, ...groups] = options.get('u')?.split(':') ?? []
  if (user) {
    script.user = user
    script.groups = groups
  }
  script.limits = smallest(script.limits, allOf(number(options.get('m'))))
}

/** softlimit(8): -a limits all memory, -m the data, stack, locked and all memory alike. */
function softlimit(words: readonly string[]): MemoryLimits {
  const options = optionsOf(words, 'acdflmoprst')
  return smallest(allOf(number(options.get('m'))), {
    addressSpace: number(options.get('a')),
    data: number(options.get('d')),
    stack: number(options.get('s')),
  })
}

/** ulimit of sh(1), in units of 1,024 bytes. A hard limit is a limit, too. */
function ulimit(words: readonly string[]): MemoryLimits {
  const option = words[0]?.replace(/[SH]/g, '')
  const bytes = number(words.find((word) => /^[0-9]+$/.test(word)))
  const limit = bytes === undefined ? undefined : bytes * 1024
  return {
    addressSpace: option?.includes('v') || words.includes('-v') ? limit : undefined,
    data: option?.includes('d') || words.includes('-d') ? limit : undefined,
    stack: option?.includes('s') || words.includes('-s') ? limit : undefined,
  }
}

export function smallest(some: MemoryLimits, other: MemoryLimits): MemoryLimits {
  return {
    addressSpace: lesser(some.addressSpace, other.addressSpace),
    data: lesser(some.data, other.data),
    stack: lesser(some.stack, other.stack),
  }
}

function lesser(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}

function allOf(bytes: number | undefined): MemoryLimits {
  return { addressSpace: bytes, data: bytes, stack: bytes }
}

/** One-letter options up to the first word that is none. The letters in `valued` take a value. */
function optionsOf(words: readonly string[], valued: string): Map<string, string> {
  const options = new Map<string, string>()
  for (let i = 0; i < words.length && /^-./.test(words[i]!); i++) {
    for (let letters = words[i]!.slice(1); letters !== ''; letters = letters.slice(1)) {
      const letter = letters[0]!
      if (!valued.includes(letter)) continue
      options.set(letter, letters.slice(1) || (words[++i] ?? ''))
      break
    }
  }
  return options
}

function number(word: string | undefined): number | undefined {
  return word !== undefined && /^[0-9]{1,15}$/.test(word) ? Number(word) : undefined
}

/** Fills in what id(1) would print. Any other substitution becomes a single word. */
function substituted(text: string, identify: LookUpId): string {
  return text.replace(/\$\(([^()`\n]*)\)|`([^`\n]*)`/g, (_, modern?: string, old?: string) => {
    const [, option, name] =
      /^\s*(?:\/usr\/bin\/|\/bin\/)?id\s+-([ug])\s+["']?([\w.-]+)["']?\s*$/.exec(
        modern ?? old ?? '',
      ) ?? []
    const number = option && name ? identify(option as 'u' | 'g', name) : undefined
    return number === undefined ? '$()' : String(number)
  })
}

/**
 * The commands of a script. A line that ends in a backslash goes on in the next one; a comment ends
 * with its line, whatever it contains.
 */
function logicalLines(text: string): string[] {
  return text
    .replace(/(^|[\s;])#.*$/gm, '$1')
    .replace(/\\\n/g, ' ')
    .split(/[\n;]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** The words of a line, with variables filled in that the script itself has set. */
function wordsOf(line: string, environment: Readonly<Record<string, string>>): string[] {
  const filled = line.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced?: string, plain?: string) => environment[braced ?? plain ?? ''] ?? whole,
  )
  if (filled.length > LINE_MAX) return []
  try {
    return splitWords(filled, 'run script')
  } catch {
    return [] // a text over several lines
  }
}
