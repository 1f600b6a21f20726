import { statSync } from 'node:fs'
import { join } from 'node:path'
import { attempt } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, shellWord, warning } from '../../../ground/errors/finding.ts'
import type { RunningService } from '../../shared/running-services.ts'

/** Milliseconds. A file that was changed less than that after a start counts as older. */
const AT_ONCE = 2000

/** Findings about a service itself: how it runs, and what has changed since it was started. */
export function checkService({
  pid,
  text,
  rules,
  directory,
  unseen,
  uid,
  since,
}: RunningService): Finding[] {
  const what = `process ${pid}`
  const findings = [ok(what, text)]
  const script = join(directory, 'run')
  if (changedAt(script) > since + AT_ONCE) {
    const value = `${script} has changed since it was started`
    findings.push(
      warning(what, value, `svc -t ${shellWord(directory)} (or sv restart), to run by the new one`),
    )
  }
  const source = rules?.replace(/\.cdb$/, '')
  if (rules !== undefined && source !== rules && changedAt(source!) > changedAt(rules)) {
    const remedy = `tcprules ${shellWord(rules)} ${shellWord(`${source}.tmp`)} <${shellWord(source!)}`
    findings.push(error(what, `${source} is newer than ${rules}, which counts`, remedy))
  }
  if (unseen.length > 0) {
    const value = `starts ${unseen.join(', ')} before qmail-smtpd: what that sets was not seen`
    const remedy = 'put it before the server, or try it: onescan check --user ACCOUNT --envdir DIR'
    findings.push(warning(what, value, remedy))
  }
  if (uid === 0) {
    const value = 'runs qmail-smtpd as root'
    const remedy = 'give tcpserver -u "$(id -u qmaild)" -g "$(id -g onescan)"'
    findings.push(error(what, value, remedy))
  }
  return findings
}

const changedAt = (file: string): number => attempt(() => statSync(file).mtimeMs) ?? 0
