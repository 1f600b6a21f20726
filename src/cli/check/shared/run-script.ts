import { basename } from 'node:path'
import { equalLimits, type MemoryLimits, noLimits, smallestLimits } from './memory-limits.ts'
import { commandLines, type LookUpId, shortOptions, wordsOf } from './shell-words.ts'

/** The settings of the slot in a service's run script. */
export interface RunScript {
  /** The variables that the script sets to plain values. */
  readonly environment: Readonly<Record<string, string>>
  /** The directories of envdir and the rules of tcpserver's -x, in order: later ones win. */
  readonly steps: readonly EnvironmentStep[]
  /** The account of setuidgid, or the numbers given to tcpserver. */
  readonly user: string | { readonly uid: number; readonly gid: number } | undefined
  /** The groups given to chpst, which replace the account's own. */
  readonly groups: readonly string[]
  /** The smallest of each limit that the script sets. */
  readonly limits: MemoryLimits
}

/** A command that adds variables to the slot's environment. */
export type EnvironmentStep =
  | { readonly kind: 'envdir'; readonly directory: string }
  | { readonly kind: 'rules'; readonly file: string }

/** The most words of a command that are read as its options. */
const OPTIONS_MAX = 64
/** The most characters of a value: variables that are filled in must not make a line much longer. */
const VALUE_MAX = 1024

/**
 * Reads a run script as far as it consists of plain commands: assignments, softlimit, ulimit,
 * chpst, envdir, setuidgid, tcpserver, and `$(id -u NAME)`. The script is not run. What only a
 * shell could understand (other $(...), conditions) is left out.
 */
export function readRunScript(text: string, lookUpId: LookUpId = () => undefined): RunScript {
  const script: RunScriptDraft = {
    environment: {},
    steps: [],
    user: undefined,
    groups: [],
    limits: noLimits,
  }
  for (const line of commandLines(text, lookUpId)) {
    const words = wordsOf(line, script.environment)
    readAssignments(words, script)
    for (const [index, word] of words.entries()) {
      readCommand(basename(word), words.slice(index + 1, index + 1 + OPTIONS_MAX), script)
    }
  }
  return script
}

/** A RunScript while it is read. */
interface RunScriptDraft {
  environment: Record<string, string>
  steps: EnvironmentStep[]
  user: RunScript['user']
  groups: readonly string[]
  limits: MemoryLimits
}

/** Reads `NAME=value`, also behind export or env. A value that still holds a $ is not known here. */
function readAssignments(words: readonly string[], script: RunScriptDraft): void {
  for (const word of words) {
    if (/^(exec|export|env)$/.test(word)) continue
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? []
    if (name === undefined || value === undefined) {
      if (words[0] === 'export') continue // `export NAME` of a variable that has its value already
      return
    }
    if (!/[$`]/.test(value) && value.length <= VALUE_MAX) script.environment[name] = value
  }
}

function readCommand(command: string, words: readonly string[], script: RunScriptDraft): void {
  switch (command) {
    case 'softlimit':
      script.limits = smallestLimits(script.limits, softlimit(words))
      break
    case 'ulimit':
      script.limits = smallestLimits(script.limits, ulimit(words))
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
      readChpst(words, script)
      break
    case 'tcpserver':
      readTcpserver(words, script)
      break
  }
}

/** tcpserver(1): -u and -g set the account by numbers, -x names the rules for clients. */
function readTcpserver(words: readonly string[], script: RunScriptDraft): void {
  const options = shortOptions(words, 'xcBbtugilf')
  const [uid, gid] = [readNumber(options.get('u')), readNumber(options.get('g'))]
  if (uid !== undefined && gid !== undefined) script.user = { uid, gid }
  const file = options.get('x')
  if (file) script.steps.push({ kind: 'rules', file })
}

/** chpst(8) of runit: -u sets the account, -e a directory of variables, -m all memory limits. */
function readChpst(words: readonly string[], script: RunScriptDraft): void {
  const options = shortOptions(words, 'uUebnlLmdoprfct/')
  const directory = options.get('e')
  if (directory !== undefined) script.steps.push({ kind: 'envdir', directory })
  const [user, ...groups] = options.get('u')?.split(':') ?? []
  if (user) {
    script.user = user
    script.groups = groups
  }
  script.limits = smallestLimits(script.limits, equalLimits(readNumber(options.get('m'))))
}

/** softlimit(8): -a limits all memory, -m the data, stack, locked and all memory alike. */
function softlimit(words: readonly string[]): MemoryLimits {
  const options = shortOptions(words, 'acdflmoprst')
  return smallestLimits(equalLimits(readNumber(options.get('m'))), {
    addressSpace: readNumber(options.get('a')),
    data: readNumber(options.get('d')),
    stack: readNumber(options.get('s')),
  })
}

/** ulimit of sh(1), in units of 1,024 bytes. A hard limit counts as well. */
function ulimit(words: readonly string[]): MemoryLimits {
  const option = words[0]?.replace(/[SH]/g, '')
  const units = readNumber(words.find((word) => /^[0-9]+$/.test(word)))
  const bytes = units === undefined ? undefined : units * 1024
  const limits = (letter: string) => option?.includes(letter) || words.includes(`-${letter}`)
  return {
    addressSpace: limits('v') ? bytes : undefined,
    data: limits('d') ? bytes : undefined,
    stack: limits('s') ? bytes : undefined,
  }
}

function readNumber(word: string | undefined): number | undefined {
  return word !== undefined && /^[0-9]{1,15}$/.test(word) ? Number(word) : undefined
}
