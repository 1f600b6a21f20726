import type { Header } from '../../mail/message/header-block.ts'
import type { Trust } from '../cluster/verify.ts'
import { QUARANTINE_FIELD } from './forward.ts'
import type { Policy } from './policy.ts'

/**
 * The fields that no sender may forge, by their lower-case names: X-QHPSI, and X-Quarantine-ID if
 * VIRUSFORWARD is set. Every message must let them be removed before it is scanned.
 */
export function forgeableFields({ settings }: Policy): readonly string[] {
  return settings.VIRUSFORWARD === undefined ? ['x-qhpsi'] : ['x-qhpsi', QUARANTINE_FIELD]
}

/**
 * The fields that are removed from this message, by their lower-case names. If a trusted stamp
 * vouches for every X-Quarantine-ID of the message, they stay: a host of the cluster made them or
 * let them pass, and without them its stamp would break.
 */
export function fieldsToRemove(header: Header, trust: Trust, policy: Policy): readonly string[] {
  const names = forgeableFields(policy)
  if (!trust.trusted || trust.stamp === undefined) return names
  const first = header.fields.findIndex(({ key }) => key === QUARANTINE_FIELD)
  return first > trust.stamp ? names.filter((name) => name !== QUARANTINE_FIELD) : names
}
