import type { Oddity } from './oddities.ts'
import type { ContentListener } from './open-contents.ts'
import type { PartHeader } from './part-header.ts'

/** A listener that is told what a mail holds while the mail is read. */
export interface ReadingListener extends ContentListener {
  /** A header has ended, as some reader sees it. */
  header?(header: PartHeader): void
  /** A file in uuencode or yEnc has this name. */
  name?(name: string): void
  /** The mail has a form that ordinary mail never has, where every reader must see it. */
  odd?(oddity: Oddity): void
}
