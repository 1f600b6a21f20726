import { type LogEntry, logLine } from '../../log.ts'
import type { Explained, QuotaClient } from '../../quota/client/client.ts'
import { OVER_QUOTA, overQuotaText } from '../../quota/over-quota.ts'
import { type Attributes, writeAttributes } from './attributes.ts'

/** What `onescan quota` asks on the same socket. */
export const EXPLAIN = 'onescan_quota'

/** What the service has to answer with: both may be missing. */
export interface Desk {
  /** Undefined where QUOTAD is not set. */
  readonly quota: QuotaClient | undefined
  /** A whole line for the log. */
  readonly log: (line: Buffer) => void
}

/**
 * The answer to a request. Never OK, which would skip the restrictions that come after
 * this one, and DUNNO for whatever is not known to be full: Postfix would put mail off
 * where it got no answer (SMTPD_POLICY_README).
 */
export async function answerRequest(request: Attributes, desk: Desk): Promise<Buffer> {
  if (request.get('request') === EXPLAIN) return explain(request, desk)
  return writeAttributes({ action: await actionFor(request, desk) })
}

async function actionFor(request: Attributes, { quota, log }: Desk): Promise<string> {
  const recipient = request.get('recipient')
  if (quota === undefined || request.get('protocol_state') !== 'RCPT' || !recipient) return 'DUNNO'
  const isRelayClient = (request.get('sasl_username') ?? '') !== ''
  if (isRelayClient && !quota.settings.askForRelayClients) return 'DUNNO'
  const address = Buffer.from(recipient, 'latin1')
  const { answer } = await quota.ask(address, announcedSize(request))
  if (answer !== 'full') return 'DUNNO'
  log(logLine(refusal(request)))
  return `${OVER_QUOTA.code} ${OVER_QUOTA.enhanced} ${overQuotaText(address)}`
}

/** Of MAIL FROM: 0 where the client announced none. */
function announcedSize(request: Attributes): number {
  const size = request.get('size') ?? ''
  return /^[0-9]{1,15}$/.test(size) ? Number(size) : 0
}

function refusal(request: Attributes): LogEntry[] {
  return [
    ['door', 'policy'],
    ['decision', 'defer'],
    ['reason', 'over quota'],
    ['remote', request.get('client_address')],
    ['size', announcedSize(request) || undefined],
    ['from', `<${request.get('sender') ?? ''}>`],
    ['to', `<${request.get('recipient') ?? ''}>`],
  ]
}

async function explain(request: Attributes, { quota }: Desk): Promise<Buffer> {
  const recipient = request.get('recipient')
  if (quota === undefined || !recipient) {
    return writeAttributes({ answer: 'unknown', why: 'onescand has no QUOTAD' })
  }
  const explained = await quota.explain(Buffer.from(recipient, 'latin1'), announcedSize(request))
  return writeAttributes(explanation(explained))
}

function explanation({ answer, source, cached }: Explained): Record<string, string | number> {
  const usage = 'usage' in answer ? answer.usage : undefined
  return {
    answer: answer.answer,
    ...(answer.answer === 'unknown' ? { why: answer.why } : {}),
    ...(source === undefined ? {} : { source }),
    ...(usage ? { size: usage.size } : {}),
    ...(usage?.quota === undefined ? {} : { quota: usage.quota }),
    ...(cached ? { age_ms: Math.round(cached.age), left_ms: Math.round(cached.left) } : {}),
  }
}
