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
  /** What declares it. Only in what is declared as a container, one that cannot be read is unread. */
  readonly hint?: Hint
  readonly open: OpenContainer
}

/** What a header, or the line above bytes, declares them as. */
export type Declared = ReadonlySet<Hint>

/** The containers. Each content is opened as every kind that it may be. */
export const containerKinds: readonly ContainerKind[] = [
  { kind: 'cms', hint: 'smime', open: openCms },
  { kind: 'openpgp', hint: 'openpgp', open: openPgp },
  { kind: 'tnef', open: openTnef },
  { kind: 'calendar', hint: 'calendar', open: openCalendar },
]

/** Returns whether the surroundings of a content declare it as a kind of container. */
export function isDeclaredAs({ hint }: ContainerKind, declared: Declared): boolean {
  return hint !== undefined && declared.has(hint)
}

/** Returns whether they declare it as any container. */
export function isDeclaredAsAny(declared: Declared): boolean {
  return containerKinds.some((container) => isDeclaredAs(container, declared))
}
