import type { Hint } from '../headers/part-header.ts'
import { openCalendar } from './calendar.ts'
import { openCms } from './cms.ts'
import type { OpenContainer } from './container.ts'
import { openPgp } from './openpgp.ts'
import { openTnef } from './tnef.ts'

/** What a header, or the line above bytes, may declare them as. */
export type DeclaredKind = 'smime' | 'openpgp' | 'calendar'

/** A kind of container that is opened. */
export interface ContainerKind {
  /** The name of the kind, which plugins receive. */
  readonly kind: string
  /** What declares it. */
  readonly hint?: DeclaredKind
  /** Whether the message is unread if such a container is declared and cannot be read. */
  readonly mustBeRead?: true
  readonly open: OpenContainer
}

/** The containers. Each content is opened as every kind that it may be. */
export const containerKinds: readonly ContainerKind[] = [
  { kind: 'cms', hint: 'smime', mustBeRead: true, open: openCms },
  { kind: 'openpgp', hint: 'openpgp', mustBeRead: true, open: openPgp },
  { kind: 'tnef', open: openTnef },
  { kind: 'calendar', hint: 'calendar', open: openCalendar },
]

/** Returns the containers that a header declares its content as. */
export function declaredIn(hints: ReadonlySet<Hint>): readonly DeclaredKind[] {
  return containerKinds.flatMap(({ hint }) => (hint && hints.has(hint) ? [hint] : []))
}
