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

/** A variable that no program reads, and the setting whose name is nearest. */
export interface MisspeltSetting {
  readonly name: string
  readonly suggestion: string
}

/** Finds the variables of an environment whose names are almost those of settings. */
export function findMisspeltSettings(env: Environment): MisspeltSetting[] {
  return Object.keys(env).flatMap((name) => {
    if (env[name] === undefined || isSetting(name) || foreignNames.has(name)) return []
    const trimmed = name.trim()
    if (trimmed !== name && (isSetting(trimmed) || foreignNames.has(trimmed))) {
      return [{ name: `"${name}"`, suggestion: `${trimmed}, without blanks around =` }]
    }
    const suggestion = nearestName(name, names)
    return suggestion !== undefined && isNear(name, suggestion) ? [{ name, suggestion }] : []
  })
}

/** Whether the names differ little enough to be reported. PATHS or MAILD are near no setting. */
function isNear(name: string, suggestion: string): boolean {
  if (name.toUpperCase() === suggestion) return true
  if (Math.abs(name.length - suggestion.length) > 2) return false
  return name.length >= SHORT || name[0]?.toUpperCase() === suggestion[0]
}
