/** How many things are open around a place, as libclamav counts them. */
export interface Depth {
  /**
   * Multiparts inside one another in one message, and messages that are the whole content
   * of another: libclamav takes them apart in place.
   */
  readonly levels: number
  /** Messages inside one another: an attached one is a file of its own for libclamav. */
  readonly messages: number
}

export interface Container extends Depth {
  readonly kind: 'multipart' | 'message'
  /** Undefined for messages, and for multiparts whose boundary readers may read differently. */
  readonly boundary: string | undefined
  readonly digest: boolean
}

/** A line that some reader takes for the delimiter of an open multipart. */
export type Delimiter =
  /** All readers do: it is that of the container at `index`, whatever is open inside it. */
  | { readonly sure: true; readonly index: number; readonly closes: boolean }
  | { readonly sure: false }

export interface Containers {
  readonly length: number
  readonly top: Container | undefined
  /** Around what comes next. */
  readonly depth: Depth
  /** Whether any line can still be a delimiter. */
  readonly hasMultiparts: boolean
  push(container: Container): void
  /** Closes all but the outermost `length`. */
  cut(length: number): void
  /** What a line that begins with two dashes is. */
  delimiterIn(line: string): Delimiter | undefined
}

/** The open messages and multiparts, `around` which there may be others. */
export function createContainers(around: Depth): Containers {
  const open: Container[] = []
  /** As `open`; undefined if there is no boundary that all readers read alike. */
  const lax: (string | undefined)[] = []
  let multiparts = 0
  /** What a line that some reader takes for a delimiter goes on with; undefined: with anything. */
  let firsts: ReadonlySet<number> | undefined = new Set()

  function learn(): void {
    multiparts = open.filter(isMultipart).length
    const known = lax.filter((_, index) => isMultipart(open[index]!))
    const anything = known.some((boundary) => !boundary)
    firsts = anything ? undefined : new Set(known.map((boundary) => boundary!.charCodeAt(0)))
  }

  return {
    get length() {
      return open.length
    },
    get top() {
      return open.at(-1)
    },
    get depth() {
      return open.at(-1) ?? around
    },
    get hasMultiparts() {
      return multiparts > 0
    },
    push(container) {
      open.push(container)
      lax.push(container.boundary && laxly(container.boundary))
      learn()
    },
    cut(length) {
      if (length >= open.length) return
      open.length = length
      lax.length = length
      learn()
    },
    delimiterIn(line) {
      if (firsts && !firsts.has(firstOf(line))) return undefined
      const text = withoutEnd(line)
      // From outside: what an outer boundary divides, no inner one holds together.
      for (let index = 0; index < open.length; index++) {
        const { boundary } = open[index]!
        if (boundary === undefined || !text.startsWith(boundary, 2)) continue
        const rest = text.length - 2 - boundary.length
        if (rest === 0) return { sure: true, index, closes: false }
        if (rest === 2 && text.endsWith('--')) return { sure: true, index, closes: true }
      }
      const said = laxly(text.slice(2))
      for (let index = 0; index < open.length; index++) {
        const boundary = lax[index]
        if (!isMultipart(open[index]!)) continue
        if (boundary === undefined || said.startsWith(boundary)) return { sure: false }
      }
      return undefined
    },
  }
}

function isMultipart({ kind }: Container): boolean {
  return kind === 'multipart'
}

/** Blanks behind a delimiter are nobody's. */
function withoutEnd(line: string): string {
  let end = line.length
  if (line[end - 1] === '\n') end--
  if (line[end - 1] === '\r') end--
  while (line[end - 1] === ' ') end--
  return line.slice(0, end)
}

/** The first character of `laxly` behind the dashes, -1 for none. */
function firstOf(line: string): number {
  for (let at = 2; at < line.length; at++) {
    const code = line.charCodeAt(at)
    if (code >= 0x41 && code <= 0x5a) return code + 32
    if (code > 0x20 && code < 0x7f) return code
  }
  return -1
}

/** Readers differ in what may stand behind a boundary, in letter case and in blanks. */
function laxly(text: string): string {
  return text.replace(/[^!-~]+/g, '').toLowerCase()
}
