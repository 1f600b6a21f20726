import type { Hint, PartHeader } from '../headers/part-header.ts'
import { openCalendar } from './calendar.ts'
import { openCms } from './cms.ts'
import type { OpenContainer } from './container.ts'
import { openPgp } from './openpgp.ts'
import { openTnef } from './tnef.ts'

/** A kind of container that is opened. */
export interface ContainerKind {
  /** The name of the kind, which plugins receive. */
  readonly kind: string
  /** The word of a scope that declares it. Only a declared container that cannot be read is unread. */
  readonly declaredAs?: Exclude<Declared, 'none'>
  /** The types and names in a header that declare it, if the bytes alone do not show what they are. */
  readonly hint?: Hint
  readonly open: OpenContainer
}

/** What a header, or the text around bytes, declares them as. */
export type Declared = 'smime' | 'openpgp' | 'none'

/** The containers. Each content is opened as every kind that it may be. */
export const containerKinds: readonly ContainerKind[] = [
  { kind: 'cms', declaredAs: 'smime', open: openCms },
  { kind: 'openpgp', declaredAs: 'openpgp', open: openPgp },
  { kind: 'tnef', open: openTnef },
  { kind: 'calendar', hint: 'calendar', open: openCalendar },
]

/** Returns whether the surroundings of a content declare it as a kind of container. */
export function isDeclaredAs(
  { declaredAs, hint }: ContainerKind,
  { declared, header }: { readonly declared: Declared; readonly header: PartHeader },
): boolean {
  return declaredAs === declared || (hint !== undefined && header.hints.has(hint))
}
