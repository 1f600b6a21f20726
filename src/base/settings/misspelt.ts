import { type CheckLine, warning } from '../check/check-line.ts'
import type { Environment } from '../process/environment.ts'
import { nearestName } from '../text/nearest-name.ts'
import { isSetting, readFromCaller, settingAliases, settingNames } from './table.ts'

/**
 * Variables of other programs on mail hosts. They are never reported, however similar they are to a
 * setting.
 */
const foreignNames = new Set([
  ...readFromCaller.keys(),
  ...settingAliases,
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
export function misspeltSettings(env: Environment): CheckLine[] {
  return Object.keys(env).flatMap((name) => {
    if (env[name] === undefined || isSetting(name) || isForeign(name)) return []
    const trimmed = name.trim()
    if (trimmed !== name && (isSetting(trimmed) || foreignNames.has(trimmed))) {
      return [misspelt(`"${name}"`, `${trimmed}, without spaces around =`)]
    }
    const nearest = nearestName(name, [...settingNames, ...settingAliases])
    const isMeant = nearest !== undefined && isNear(name, nearest)
    const suggestion = isMeant ? nearest : withoutSuffix(name)
    return suggestion === undefined ? [] : [misspelt(name, suggestion)]
  })
}

/** Suffixes of variables for containers: CLAMD_PORT_3310_TCP of Kubernetes, CLAMD_IMAGE of compose.yaml. */
const OF_CONTAINERS = /_(?:PORT|SERVICE|ENV|NAME|IMAGE)(?:_|$)/

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

function misspelt(name: string, suggestion: string): CheckLine {
  const value = `${name} is not a setting: no program reads it`
  return warning('settings', value, `did you mean ${suggestion}?`)
}

/** Returns whether the names differ little enough to be reported. PATHS or MAILD are near no setting. */
function isNear(name: string, suggestion: string): boolean {
  if (name.toUpperCase() === suggestion) return true
  if (Math.abs(name.length - suggestion.length) > 2) return false
  return name.length >= SHORT || name[0]?.toUpperCase() === suggestion[0]
}
