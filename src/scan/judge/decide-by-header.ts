import { examineClearing } from '../../mail/message/clear-header.ts'
import { type Header, NO_EDITS } from '../../mail/message/header-block.ts'
import type { Message } from '../../mail/message/message.ts'
import type { Trust } from '../cluster/verify.ts'
import type { JudgeConfig } from './config.ts'
import { fateOfInfected } from './decide.ts'
import type { Reply, SingleDecision } from './decision.ts'
import { QUARANTINE_FIELD } from './forward.ts'
import { HEADER_TOO_LARGE, replyFor } from './replies.ts'
import type { Client } from './transaction.ts'

/**
 * Decides about a message whose header cannot be edited, without a scan; returns undefined for any
 * other, and where no header is edited. A field that a sender could forge must be removable.
 */
export function decideByHeader(
  {
    message,
    client,
  }: { readonly message: Pick<Message, 'header' | 'isHeaderTooLarge'>; readonly client: Client },
  config: JudgeConfig,
): SingleDecision | undefined {
  if (config.answersAbout) return undefined
  if (message.isHeaderTooLarge) return refuseUnscanned(HEADER_TOO_LARGE)
  const clearing = examineClearing(message.header, forgeableFields(config))
  return clearing.kind === 'unclear' ? decideUnclear(clearing.why, client, config) : undefined
}

/**
 * Decides about a message with a field that must be removed and cannot be. A quarantine directory keeps
 * the message as it came, like infected mail. No MTA may hold it, since an MTA could deliver it later
 * with the field. `why` ends the sentence "message refused: ...".
 */
function decideUnclear(why: string, client: Client, config: JudgeConfig): SingleDecision {
  const { QUARANTINE: quarantine } = config.settings
  if (
    fateOfInfected(config.settings, client) !== 'quarantine' ||
    quarantine?.kind !== 'directory'
  ) {
    return refuseUnscanned(replyFor('refused', 'unclear-header', why))
  }
  return {
    kind: 'quarantine',
    quarantine,
    grounds: 'unclear-header',
    edits: NO_EDITS,
    details: { scan: 'skipped', why, times: {} },
  }
}

function refuseUnscanned(reply: Reply): SingleDecision {
  return { kind: 'reject', reply, details: { scan: 'skipped', why: reply.text, times: {} } }
}

/**
 * The fields that no sender may forge, by their lower-case names: X-QHPSI, and X-Quarantine-ID if
 * VIRUSFORWARD is set. Every message must let them be removed before it is scanned.
 */
function forgeableFields({ settings }: JudgeConfig): readonly string[] {
  return settings.VIRUSFORWARD === undefined ? ['x-qhpsi'] : ['x-qhpsi', QUARANTINE_FIELD]
}

/**
 * The fields that are removed from this message, by their lower-case names. If a trusted stamp
 * vouches for every X-Quarantine-ID of the message, they stay: a host of the cluster made them or
 * let them pass, and without them its stamp would break.
 */
export function fieldsToRemove(
  header: Header,
  trust: Trust,
  config: JudgeConfig,
): readonly string[] {
  if (config.answersAbout) return []
  const names = forgeableFields(config)
  if (!trust.trusted || trust.stamp === undefined) return names
  const first = header.fields.findIndex(({ key }) => key === QUARANTINE_FIELD)
  return first > trust.stamp ? names.filter((name) => name !== QUARANTINE_FIELD) : names
}
