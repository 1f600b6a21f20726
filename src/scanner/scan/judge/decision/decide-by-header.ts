import { examineClearing, examineRest } from '../../../../mail/message/clear-header.ts'
import { type Header, NO_EDITS } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { replyFor } from '../../replies/mail-replies.ts'
import type { Trust } from '../../stamps/verify-stamps.ts'
import type { JudgeConfig } from '../context/judge-config.ts'
import type { Client } from '../context/transaction.ts'
import { actionForInfected } from './actions.ts'
import type { SingleDecision } from './decision.ts'
import { QUARANTINE_FIELD } from './forward.ts'

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

/**
 * The fields that no sender may forge, by their lower-case names: X-QHPSI, and X-Quarantine-ID if
 * VIRUSFORWARD is set. Every message must let them be removed before it is scanned. There are none where no
 * header is edited.
 */
function forgeableFields({ settings, resultOnlyFor }: JudgeConfig): readonly string[] {
  if (resultOnlyFor) return []
  return settings.VIRUSFORWARD === undefined ? ['x-qhpsi'] : ['x-qhpsi', QUARANTINE_FIELD]
}

/**
 * Returns the lower-case names of the fields to remove from this message. If a trusted stamp covers every
 * X-Quarantine-ID of the message, those fields stay: a host of the cluster added or accepted them, and
 * without them its stamp would be invalid.
 */
export function fieldsToRemove(
  header: Header,
  trust: Trust,
  config: JudgeConfig,
): readonly string[] {
  const names = forgeableFields(config)
  if (!trust.trusted || trust.stamp === undefined) return names
  const first = header.fields.findIndex(({ key }) => key === QUARANTINE_FIELD)
  return first > trust.stamp ? names.filter((name) => name !== QUARANTINE_FIELD) : names
}
