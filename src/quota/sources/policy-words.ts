import type { Reading } from './reading.ts'

/** A request of SMTPD_POLICY_README with what quota-status looks at. */
export function policyQuestion(recipient: string, size: number): Buffer {
  const attributes = [
    'request=smtpd_access_policy',
    'protocol_state=RCPT',
    `recipient=${recipient}`,
    `size=${size}`,
  ]
  return Buffer.from(`${attributes.join('\n')}\n\n`, 'latin1')
}

/** The action of a whole answer; undefined while it is not whole, '' where it has none. */
export function policyAction(heard: Buffer): string | undefined {
  const text = heard.toString('latin1')
  const end = text.indexOf('\n\n')
  if (end < 0) return undefined
  const line = text
    .slice(0, end)
    .split('\n')
    .find((each) => each.startsWith('action='))
  return line?.slice('action='.length).trim() ?? ''
}

const ROOM = /^(OK|DUNNO|PERMIT)\b/i
/** X.2.2 is "mailbox full" (RFC 3463 3.3), 452 and 552 are what SMTP says of storage. */
const FULL = /^(?:[45]\d\d |REJECT |DEFER )?[45]\.2\.2\b|^[45]52\b/i
const NOBODY = /^(?:5\d\d |REJECT )?5\.1\.1\b|^REJECT Unknown user/i

/**
 * What an action says about the mailbox. All of them can be set in Dovecot
 * (quota_status_success, _overquota, _nouser): what is not one of the usual ones is trouble.
 */
export function readingOf(action: string): Reading {
  const source = 'quota-status'
  if (ROOM.test(action)) return { found: 'verdict', full: false, source }
  if (FULL.test(action)) return { found: 'verdict', full: true, source }
  if (NOBODY.test(action)) return { found: 'no-such-user' }
  return { found: 'trouble', why: `quota-status answered ${action || 'nothing'}` }
}
