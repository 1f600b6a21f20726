import type { Finding } from '../../ground/errors/finding.ts'
import type { MailServer } from './mail-servers/find.ts'

/** The findings about one mail server. */
export interface ServerReport {
  readonly server: MailServer
  /** A few words about what was checked. */
  readonly heading: string
  readonly findings: readonly Finding[]
}

/**
 * Joins the findings about mail servers, onescand and onescan-quotad. Findings name their server if
 * there are several. Those about onescand come first, since they may be the causes of others. What mail
 * servers and onescand both complain of is left in once, and what follows from a finding about onescand
 * is left out.
 */
export function joinReports(
  reports: readonly ServerReport[],
  onescand: readonly Finding[],
  quotad: readonly Finding[],
): Finding[] {
  const ofServers = reports.flatMap(({ server, findings }) =>
    reports.length === 1 ? findings : findings.map((finding) => nameServer(finding, server)),
  )
  const ofOnescand = onescand.filter(
    (finding) => !ofServers.some((other) => isSameComplaint(other, finding)),
  )
  const told = onescand.filter(({ level }) => level !== 'ok')
  const marks = told.map(({ mark }) => mark)
  const causes = [...ofOnescand, ...ofServers].filter(
    ({ follows }) => follows === undefined || !marks.includes(follows),
  )
  return [...causes, ...quotad]
}

const nameServer = (finding: Finding, server: MailServer): Finding => {
  return { ...finding, what: `${finding.what} [${server}]` }
}

/**
 * Whether one finding says what the other said. Findings that are ok are all kept, and the word of an account
 * takes the place of no finding but its own.
 */
function isSameComplaint(other: Finding, { level, value, account }: Finding): boolean {
  const counts = other.account === undefined || other.account === account
  return counts && level !== 'ok' && level === other.level && value === other.value
}
