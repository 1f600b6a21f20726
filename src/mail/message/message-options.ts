import type { Hash } from 'node:crypto'
import type { System } from '../../base/runtime/system.ts'
import type { DigestsWanted } from './canonical-body.ts'
import type { Header } from './header-block.ts'
import type { SpoolSettings } from './spool.ts'

/** The settings by which a message is kept and examined. */
export interface MessageOptions {
  /** The settings for a message that is too large for a buffer. */
  readonly spool: SpoolSettings
  /** Set if this host has memory files. */
  readonly memoryFiles?: System | undefined
  /**
   * Selects by the header the digests that the body needs, because hashing it takes time. Without it no
   * digest is computed.
   */
  readonly digestsFor?: (header: Header) => DigestsWanted
  /** node:crypto's; set if digests are wanted. */
  readonly createHash?: ((algorithm: string) => Hash) | undefined
  /** The bytes that the file of a large message contains above it, none by default. */
  readonly top?: Buffer
}
