import type { Header } from '../../../../mail/message/header-block.ts'
import type { Trust } from '../../stamps/verify-stamps.ts'
import type { JudgeConfig } from '../context/judge-config.ts'
import { QUARANTINE_FIELD } from './forward.ts'

/**
 * The fields that no sender may forge, by their lower-case names: X-QHPSI, and X-Quarantine-ID if
 * VIRUSFORWARD is set. Every message must let them be removed before it is scanned. There are none where no
 * header is edited.
 */
export function forgeableFields({ settings, resultOnlyFor }: JudgeConfig): readonly string[] {
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
  if (!trust.isTrusted || trust.stamp === undefined) return names
  const first = header.fields.findIndex(({ key }) => key === QUARANTINE_FIELD)
  return first > trust.stamp ? names.filter((name) => name !== QUARANTINE_FIELD) : names
}
