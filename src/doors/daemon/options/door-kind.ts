import type { SmtpRoute } from '../../smtp/shared/server.ts'

/**
 * The protocol of a listening socket: that of onescan-slot(7), the milter protocol, Postfix's policy
 * delegation, SMTP or LMTP.
 */
export type DoorKind = 'slot' | 'milter' | 'policy' | 'smtp' | 'lmtp'

/**
 * Returns the kind of a socket by the name that its starter gave it; `slot` if no other word is in
 * it.
 */
export function doorKindOf(name: string): DoorKind {
  return (
    (['milter', 'policy', 'smtp', 'lmtp'] as const).find((kind) => name.includes(kind)) ?? 'slot'
  )
}

/** A door that is open. */
export interface PlacedDoor {
  readonly kind: DoorKind
  /** `unix:/PATH` or `inet:ADDRESS:PORT`. */
  readonly address: string
  /** Set for a door that hands mail on. */
  readonly relay?: Pick<SmtpRoute, 'afterQueue' | 'next' | 'from'> | undefined
}
