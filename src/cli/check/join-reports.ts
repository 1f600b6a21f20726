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
 * there are several. What mail servers and onescand both complain of is left in once. While something
 * keeps onescand from starting, no remedy is to start it.
 */
export function joinReports(
  reports: readonly ServerReport[],
  onescand: readonly Finding[],
  quotad: readonly Finding[],
): Finding[] {
  const findings = reports.flatMap(({ server, findings }) =>
    reports.length === 1 ? findings : findings.map((finding) => nameServer(finding, server)),
  )
  for (const finding of onescand) {
    if (!findings.some((other) => isSameComplaint(other, finding))) findings.push(finding)
  }
  const isStopped = onescand.some(({ mark }) => mark === 'stops the start')
  return [...findings, ...quotad].map((finding) =>
    isStopped && finding.mark === 'start onescand' ? startLater(finding) : finding,
  )
}

const nameServer = (finding: Finding, server: MailServer): Finding => {
  return { ...finding, what: `${finding.what} [${server}]` }
}

/** Findings that are ok are all kept. */
function isSameComplaint(finding: Finding, other: Finding): boolean {
  return finding.level === other.level && finding.value === other.value && finding.level !== 'ok'
}

function startLater(finding: Finding): Finding {
  const remedy = 'correct what keeps onescand from starting (see below), and start it'
  return { ...finding, remedy }
}
