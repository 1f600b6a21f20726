import { examineClearing, examineRest } from '../../../../mail/message/clear-header.ts'
import { NO_EDITS } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { replyFor } from '../../replies/mail-replies.ts'
import type { JudgeConfig } from '../context/judge-config.ts'
import type { Client } from '../context/transaction.ts'
import { actionForInfected } from './actions.ts'
import type { SingleDecision } from './decision.ts'
import { forgeableFields } from './fields-to-remove.ts'

/**
 * Resolves to the decision about a message whose header cannot be edited, without a scan. Resolves to
 * undefined for any other message, and where no header is edited. A field that a sender could forge must be
 * removable.
 */
export async function decideByHeader(
  {
    message: { header, isHeaderCut, body },
    client,
  }: {
    readonly message: Pick<Message, 'header' | 'isHeaderCut' | 'body'>
    readonly client: Client
  },
  config: JudgeConfig,
): Promise<SingleDecision | undefined> {
  const names = forgeableFields(config)
  if (names.length === 0) return undefined
  let clearing = examineClearing(header, names)
  if (clearing.kind === 'clear' && isHeaderCut) clearing = await examineRest(header, body, names)
  return clearing.kind === 'unclear' ? decideUnclear(clearing.reason, client, config) : undefined
}

/**
 * Returns the decision about a message with a field that must be removed and cannot be. `reason` ends the
 * sentence "message deferred: ...".
 *
 * A quarantine directory keeps the message unchanged, like infected mail. No MTA may hold it, since an MTA
 * could deliver it later with the field. Without such a directory the message is deferred: another onescan
 * may have added the field, and the only fault may be a line that a server added above it.
 */
function decideUnclear(reason: string, client: Client, config: JudgeConfig): SingleDecision {
  const infected = actionForInfected(config.settings, client)
  if (infected.action !== 'quarantine' || infected.quarantine.kind !== 'directory') {
    const reply = replyFor('deferred', 'unclear-header', reason)
    return { kind: 'defer', reply, details: { scan: 'skipped', reason: reply.text, times: {} } }
  }
  return {
    kind: 'quarantine',
    quarantine: infected.quarantine,
    grounds: 'unclear-header',
    edits: NO_EDITS,
    details: { scan: 'skipped', reason, times: {} },
  }
}
