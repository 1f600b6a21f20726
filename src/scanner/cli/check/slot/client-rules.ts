import { attempt } from '../../../../base/errors/fault.ts'
import { pathExists } from '../../../../base/path/path-handle.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'

/** The rules that the script of the package changes, and the script: each rule gets the settings that it lacks. */
const RULES = '/etc/tcp.smtp.cdb'
const SCRIPT = '/usr/share/onescan/examples/qmail/qmail-rules'
/** The settings of a service, as tcprules(1) has them: doc/qmail.md. */
const SETTINGS = ['QMAILQUEUE="/etc/onescan/queue"', 'QHPSI="plugin: clamd"', 'REJECTVIRUS="1"']

/** The source of a cdb, by the names that tcprules(1) shows. */
export const rulesSource = (rules: string): string => rules.replace(/\.cdb$/, '')

/** Returns the command that makes the cdb of rules from its source, which tcpserver(1) can read, or undefined if there is none. */
export function makeRules(rules: string): string | undefined {
  const source = rulesSource(rules)
  if (source === rules || !attempt(() => pathExists(source))) return undefined
  return `(umask 022 && tcprules ${shellWord(rules)} ${shellWord(`${source}.tmp`)} <${shellWord(source)})`
}

/** Returns the remedy that sets all settings which these clients lack at once: tcpserver(1) uses one rule for a client. */
export function howToSet({
  env,
  rules,
}: {
  readonly env: Environment
  readonly rules?: string | undefined
}): string {
  if (rules === RULES) return `sh ${SCRIPT}`
  const missing = SETTINGS.filter((setting) => !env[setting.replace(/=.*/, '')])
  return rules === undefined
    ? `set ${missing.join(', ')} in the environment of qmail-smtpd, as doc/qmail.md shows`
    : `add ,${missing.join()} to each rule of ${shellWord(rulesSource(rules))} that allows clients, then run ${makeRules(rules) ?? 'tcprules'}`
}
