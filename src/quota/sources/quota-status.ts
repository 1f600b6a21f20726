import { errorText } from '../../base/errors/fault.ts'
import type { Endpoint } from '../../base/net/endpoint.ts'
import { askPolicy } from '../../base/protocol/policy-attributes.ts'
import type { MailboxResult, ReadMailbox } from './mailbox-result.ts'

/** Upper limit for waiting requests. */
const QUESTIONS_MAX = 64

/**
 * Returns a source that queries Dovecot's quota-status service, which uses the protocol of Postfix's
 * SMTPD_POLICY_README. `text` is the address as the settings name it, for errors. A request waits `timeout`
 * milliseconds for the list of users and the answer together.
 *
 * onescan-quotad then needs no access to the mailboxes, which may have any format, but receives no numbers.
 * The path of a mailbox is the name of the user in Dovecot. Each request has its own connection: a kept
 * connection would occupy a process of Dovecot, which serves one client at a time.
 */
export function quotaStatus(
  address: { readonly path: string } | Endpoint,
  text: string,
  timeout: number,
): ReadMailbox {
  let open = 0
  return async ({ path: recipient }, { incoming, waited = 0 }): Promise<MailboxResult> => {
    const trouble = (reason: string) =>
      ({ kind: 'trouble', reason: `quota-status ${text}: ${reason}` }) as const
    if (open >= QUESTIONS_MAX)
      return trouble(`${QUESTIONS_MAX} requests are already waiting for an answer`)
    open++
    try {
      const question = {
        request: 'smtpd_access_policy',
        protocol_state: 'RCPT',
        recipient,
        size: incoming,
      }
      const answer = await askPolicy(address, question, Math.max(1, Math.floor(timeout - waited)))
      return resultOfAction(answer.get('action')?.trim() ?? '')
    } catch (error) {
      return trouble(errorText(error))
    } finally {
      open--
    }
  }
}

const ROOM = /^(OK|DUNNO|PERMIT)\b/i
/**
 * X.2.2 is "mailbox full" (RFC 3463 3.3), anywhere in a refusal; 452 and 552 are SMTP's replies about
 * storage. Other replies refuse or defer, in the wording of access(5), and name a full mailbox.
 */
const FULL =
  /^(?:(?:[45]\d\d|REJECT|DEFER\w*) .*)?(?<![\w.])[45]\.2\.2(?!\.?\d)|^[45]52\b|^(?:[45]\d\d|REJECT|DEFER\w*) .*\b(?:mailbox|quota)\b.*\b(?:full|exceeded)\b/i
const NOBODY = /^(?:5\d\d |REJECT )?5\.1\.1\b|^REJECT Unknown user/i

/**
 * Parses an action of quota-status. Administrators can set all of them in Dovecot (quota_status_success,
 * _overquota, _nouser). An unusual one is an error.
 */
function resultOfAction(action: string): MailboxResult {
  const source = 'quota-status'
  if (ROOM.test(action)) return { kind: 'compared', isFull: false, source }
  if (NOBODY.test(action)) return { kind: 'no-such-user' }
  if (FULL.test(action)) return { kind: 'compared', isFull: true, source }
  return { kind: 'trouble', reason: `quota-status answered ${action || 'nothing'}` }
}
