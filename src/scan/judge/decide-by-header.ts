import { examineClearing } from '../../mail/message/clear-header.ts'
import type { Message } from '../../mail/message/message.ts'
import type { Reply, SingleDecision } from './decision.ts'
import { fateOfInfected } from './fate.ts'
import type { Policy } from './policy.ts'
import { forgeableFields } from './removed-fields.ts'
import { HEADER_TOO_LARGE, replyAboutForm } from './replies.ts'
import type { Client } from './transaction.ts'

/**
 * Decides about a message whose header cannot be edited, without a scan; returns undefined for any
 * other. A field that a sender could forge must be removable.
 */
export function decideByHeader(
  {
    message,
    client,
  }: { readonly message: Pick<Message, 'header' | 'headerTooLarge'>; readonly client: Client },
  policy: Policy,
): SingleDecision | undefined {
  if (message.headerTooLarge) return refuseUnscanned(HEADER_TOO_LARGE)
  const clearing = examineClearing(message.header, forgeableFields(policy))
  return clearing.kind === 'unclear' ? decideUnclear(clearing.why, client, policy) : undefined
}

/**
 * Decides about a message with a field that must be removed and cannot be. A quarantine directory keeps
 * the message as it came, like infected mail. No MTA may hold it, since an MTA could deliver it later
 * with the field. `why` ends the sentence "message refused: ...".
 */
function decideUnclear(why: string, client: Client, policy: Policy): SingleDecision {
  const { QUARANTINE: quarantine } = policy.settings
  if (
    fateOfInfected(policy.settings, client) !== 'quarantine' ||
    quarantine?.kind !== 'directory'
  ) {
    return refuseUnscanned(replyAboutForm('refused', 'unclear-header', why))
  }
  return {
    kind: 'quarantine',
    quarantine,
    grounds: 'unclear-header',
    edits: { remove: [], add: [] },
    findings: { scan: 'skipped', why, times: {} },
  }
}

function refuseUnscanned(reply: Reply): SingleDecision {
  return { kind: 'reject', reply, findings: { scan: 'skipped', why: reply.text, times: {} } }
}
