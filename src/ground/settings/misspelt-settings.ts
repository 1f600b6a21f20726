import { type Finding, warning } from '../errors/finding.ts'
import { nearestName } from './nearest-name.ts'
import type { Environment } from './settings.ts'
import { isSetting, names } from './table.ts'

/**
 * Variables of other programs on mail hosts. They are never reported, however similar they are to a
 * setting.
 */
const foreignNames = new Set(
  (
    'BADMIMETYPE BADLOADERTYPE CLAMDSCAN DATABYTES DELAY GREETDELAY HOME LOGNAME MAIL PWD ' +
    'QMAILQUEUE QUEUEDIR QUEUE_BASE QUOTA RBLSMTPD SHELL SHLVL SMTPAUTH SMTPDELAY TCPLOCALHOST ' +
    'TCPLOCALPORT TCPREMOTEINFO TCPREMOTEPORT TEMPDIR TERM TMP USER'
  ).split(' '),
)

/**
 * A shorter name must begin with the right letter: otherwise two changed letters turn it into any
 * other word.
 */
const SHORT = 6

/** Warns of the variables of an environment that no program reads, and whose names are almost those of settings. */
export function misspeltSettings(env: Environment): Finding[] {
  return Object.keys(env).flatMap((name) => {
    if (env[name] === undefined || isSetting(name) || foreignNames.has(name)) return []
    const trimmed = name.trim()
    if (trimmed !== name && (isSetting(trimmed) || foreignNames.has(trimmed))) {
      return [misspelt(`"${name}"`, `${trimmed}, without blanks around =`)]
    }
    const suggestion = nearestName(name, names)
    return suggestion !== undefined && isNear(name, suggestion) ? [misspelt(name, suggestion)] : []
  })
}

function misspelt(name: string, suggestion: string): Finding {
  const value = `${name} is not a setting: no program reads it`
  return warning('settings', value, `did you mean ${suggestion}?`)
}

/** Whether the names differ little enough to be reported. PATHS or MAILD are near no setting. */
function isNear(name: string, suggestion: string): boolean {
  if (name.toUpperCase() === suggestion) return true
  if (Math.abs(name.length - suggestion.length) > 2) return false
  return name.length >= SHORT || name[0]?.toUpperCase() === suggestion[0]
}
