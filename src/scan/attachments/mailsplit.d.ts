/**
 * The part of mailsplit 5 that is used here; the package brings no types. What is
 * marked is not in its documentation: splitter.ts puts its own in their place.
 */
declare module 'mailsplit' {
  import type { Transform } from 'node:stream'

  export interface MimeNode {
    readonly type: 'node'
    readonly parentNode: MimeNode | false
    /** The subtype of a multipart: its lines outside of parts come as `data`. Undocumented setter. */
    multipart: string | false
    /** Undocumented. Lines of the header so far, with their ends. */
    readonly _headersLines: readonly Buffer[]
    /** Undocumented. Called once, at the end of the header. */
    parseHeaders(): void
  }

  export type SplitterItem =
    | MimeNode
    | { readonly type: 'body' | 'data'; readonly node: MimeNode; readonly value?: Buffer }

  class Splitter extends Transform {
    constructor(options: {
      ignoreEmbedded?: boolean
      maxHeadSize?: number
      maxChildNodes?: number
    })
    /** Undocumented. The part that the current line belongs to. */
    node: MimeNode
    /** Undocumented. 1 in a header, 2 in a body. */
    state: 1 | 2
    /** Undocumented. 1: the line opens a child of `node`; 2: it closes `node`. */
    checkBoundary(line: Buffer): false | 1 | 2
    /** Undocumented. Begins a part. */
    newNode(parent?: MimeNode): void
  }

  const mailsplit: { Splitter: typeof Splitter }
  export default mailsplit
}
