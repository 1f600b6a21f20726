import { nearest } from './nearest.ts'
import type { Environment } from './settings.ts'
import { isSetting, names } from './table.ts'

/** What belongs to others on such hosts, however near its name is to one of ours. */
const others = new Set(
  (
    'BADMIMETYPE BADLOADERTYPE CLAMDSCAN DATABYTES DELAY GREETDELAY HOME LOGNAME MAIL PWD ' +
    'QMAILQUEUE QUEUEDIR QUEUE_BASE QUOTA RBLSMTPD SHELL SHLVL SMTPAUTH SMTPDELAY TCPLOCALHOST ' +
    'TCPLOCALPORT TCPREMOTEINFO TCPREMOTEPORT TEMPDIR TERM TMP USER'
  ).split(' '),
)

/** Letters of a short name that may differ: two would make one word of any other. */
const SHORT = 6

/** A variable that nobody reads, and the setting that it is nearly named as. */
export interface Misspelt {
  readonly name: string
  readonly meant: string
}

/** Those that are set here. */
export function misspeltIn(env: Environment): Misspelt[] {
  return Object.keys(env).flatMap((name) => {
    if (env[name] === undefined || isSetting(name) || others.has(name)) return []
    const trimmed = name.trim()
    if (trimmed !== name && (isSetting(trimmed) || others.has(trimmed))) {
      return [{ name: `"${name}"`, meant: `${trimmed}, without blanks around =` }]
    }
    const meant = nearest(name, names)
    return meant !== undefined && isNear(name, meant) ? [{ name, meant }] : []
  })
}

/** Nothing for PATHS or MAILD, which a third of a short word would be. */
function isNear(name: string, meant: string): boolean {
  if (name.toUpperCase() === meant) return true
  if (Math.abs(name.length - meant.length) > 2) return false
  return name.length >= SHORT || name[0]?.toUpperCase() === meant[0]
}
