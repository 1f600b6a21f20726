/** What mail programs show of a part, or of a file in a container. */
export interface PartNames {
  /** All names that some mail program shows for it, each once. */
  readonly names: readonly string[]
  /** The MIME types of its header, in lower case. */
  readonly types: readonly string[]
  /**
   * The containers from which it was extracted within its part, from the outside in: `uuencode`, `tnef`,
   * `openpgp`, …
   */
  readonly containers: readonly string[]
  /** The limit that left some of them unread, if there was one. */
  readonly limit?: string | undefined
}

export const NAMELESS: PartNames = { names: [], types: [], containers: [] }
