import type { Hint } from '../headers/part-header.ts'
import { openCalendar } from './calendar.ts'
import { openCms } from './cms.ts'
import type { OpenContainer } from './container.ts'
import { openPgp } from './openpgp.ts'
import { openTnef } from './tnef.ts'

/** A kind of container that is opened. */
export interface ContainerKind {
  /** The name of the kind, which plugins receive. */
  readonly kind: string
  /** What declares it. */
  readonly hint?: Hint
  /** Whether the message is unread if such a container is declared and cannot be read. */
  readonly mustBeRead?: true
  readonly open: OpenContainer
}

/** What a header, or the line above bytes, declares them as. */
export type Declared = ReadonlySet<Hint>

/** The containers. Each content is opened as every kind that it may be. */
export const containerKinds: readonly ContainerKind[] = [
  { kind: 'cms', hint: 'smime', mustBeRead: true, open: openCms },
  { kind: 'openpgp', hint: 'openpgp', mustBeRead: true, open: openPgp },
  { kind: 'tnef', open: openTnef },
  { kind: 'calendar', hint: 'calendar', open: openCalendar },
]

/** Returns whether the surroundings of a content declare it as a kind of container. */
export function isDeclaredAs({ hint }: ContainerKind, declared: Declared): boolean {
  return hint !== undefined && declared.has(hint)
}

/** Returns whether they declare it as a container that must be read. Any other content may look like one by chance. */
export function isContainerToRead(declared: Declared): boolean {
  return containerKinds.some(
    (container) => container.mustBeRead && isDeclaredAs(container, declared),
  )
}
