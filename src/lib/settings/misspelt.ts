import { type Finding, warning } from '../errors/finding.ts'
import type { Environment } from './settings.ts'
import { aliases, isSetting, names, readFromCaller } from './table.ts'

/**
 * Variables of other programs on mail hosts. They are never reported, however similar they are to a
 * setting.
 */
const foreignNames = new Set([
  ...readFromCaller.keys(),
  ...aliases,
  ...(
    'BADMIMETYPE BADLOADERTYPE CLAMDSCAN DATABYTES DELAY GREETDELAY HOME LOGNAME MAIL PWD ' +
    'QMAILQUEUE QUEUEDIR QUEUE_BASE QUOTA RBLSMTPD SHELL SHLVL SMTPAUTH SMTPDELAY TCPLOCALHOST ' +
    'TCPLOCALPORT TCPREMOTEINFO TCPREMOTEPORT TEMPDIR TERM TMP USER'
  ).split(' '),
])

/**
 * Shorter names must begin with the right letter: otherwise two changed letters turn them into any other
 * word.
 */
const SHORT = 6

/**
 * Warns of the variables of an environment that no program reads, and whose names are almost those
 * of settings.
 */
export function misspeltSettings(env: Environment): Finding[] {
  return Object.keys(env).flatMap((name) => {
    if (env[name] === undefined || isSetting(name) || isForeign(name)) return []
    const trimmed = name.trim()
    if (trimmed !== name && (isSetting(trimmed) || foreignNames.has(trimmed))) {
      return [misspelt(`"${name}"`, `${trimmed}, without spaces around =`)]
    }
    const nearest = nearestName(name, [...names, ...aliases])
    const isMeant = nearest !== undefined && isNear(name, nearest)
    const suggestion = isMeant ? nearest : withoutSuffix(name)
    return suggestion === undefined ? [] : [misspelt(name, suggestion)]
  })
}

/** Suffixes that Docker and Kubernetes add to the name of a service, as in CLAMD_PORT_3310_TCP. */
const OF_CONTAINERS = /_(?:PORT|SERVICE|ENV|NAME)(?:_|$)/

const isForeign = (name: string) => foreignNames.has(name) || OF_CONTAINERS.test(name)

/** The setting of which a name has all, and a suffix: REJECTVIRUS of REJECTVIRUS_ALL. */
function withoutSuffix(name: string): string | undefined {
  for (let end = name.lastIndexOf('_'); end > 0; end = name.lastIndexOf('_', end - 1)) {
    const stem = name.slice(0, end)
    // TMPDIR begins names of other programs' variables, too.
    if (isSetting(stem)) return stem === 'TMPDIR' ? undefined : stem
  }
  return undefined
}

function misspelt(name: string, suggestion: string): Finding {
  const value = `${name} is not a setting: no program reads it`
  return warning('settings', value, `did you mean ${suggestion}?`)
}

/** Returns whether the names differ little enough to be reported. PATHS or MAILD are near no setting. */
function isNear(name: string, suggestion: string): boolean {
  if (name.toUpperCase() === suggestion) return true
  if (Math.abs(name.length - suggestion.length) > 2) return false
  return name.length >= SHORT || name[0]?.toUpperCase() === suggestion[0]
}

/**
 * Returns the name that was probably meant by `word`: the name with the fewest inserted, removed, exchanged
 * or swapped letters. Undefined if that number is more than a third of the word.
 */
export function nearestName(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.floor(Math.max(word.length, 3) / 3) + 1
  for (const name of names) {
    const steps = distance(word.toLowerCase(), name.toLowerCase())
    if (steps < least) {
      best = name
      least = steps
    }
  }
  return best
}

/** Returns the restricted distance of Damerau and Levenshtein: no letter is moved twice. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let steps = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + change)
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (i > 1 && j > 1 && isSwapped) steps = Math.min(steps, before[j - 2]! + 1)
      next.push(steps)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
