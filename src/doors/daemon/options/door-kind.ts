import type { SmtpRoute } from '../../smtp/server.ts'

/** What is spoken on a listening socket: doc/slot-protocol.md, the milter protocol, Postfix's policy delegation, SMTP or LMTP. */
export type DoorKind = 'slot' | 'milter' | 'policy' | 'smtp' | 'lmtp'

/**
 * The kind of a socket by the name that the starter gave it. Without one of the other words in it
 * the socket is the slot's.
 */
export function doorKindOf(name: string): DoorKind {
  return (
    (['milter', 'policy', 'smtp', 'lmtp'] as const).find((kind) => name.includes(kind)) ?? 'slot'
  )
}

/** A door, and where it listens: `unix:/PATH` or `inet:ADDRESS:PORT`. */
export interface PlacedDoor {
  readonly kind: DoorKind
  readonly place: string
  /** If it hands mail on. */
  readonly relay?: Pick<SmtpRoute, 'afterQueue' | 'next' | 'from'> | undefined
}
