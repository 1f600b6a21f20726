/** What kind of mail: `trusted-…` bears a stamp of that scheme, whose key the host knows. */
export type Kind = 'clean' | 'infected' | 'trusted-hmac' | 'trusted-md5'

export interface Size {
  readonly name: string
  readonly bytes: number
}

/** One thing to measure. Every contestant that takes part does it in turn, in every round. */
export interface Cell {
  readonly kind: Kind
  readonly size: Size
  /** Messages under way at the same time. */
  readonly atOnce: number
  /** Messages in a round. */
  readonly messages: number
}

export const SIZES: readonly Size[] = [
  { name: '4 KB', bytes: 4096 },
  { name: '100 KB', bytes: 100 * 1024 },
  { name: '5 MB', bytes: 5 * 1024 * 1024 },
]

/** For memory alone. Just below clamd's own limit of 100 MiB, over which it does not scan. */
export const HUGE: Size = { name: '100 MB', bytes: 100_000_000 }

export const KINDS: readonly Kind[] = ['clean', 'infected', 'trusted-hmac', 'trusted-md5']

export const AT_ONCE: readonly number[] = [1, 8]

/** All cells, or with `quick` those without which the table says nothing. */
export function planCells(quick: boolean): Cell[] {
  const cells = KINDS.flatMap((kind) =>
    AT_ONCE.flatMap((atOnce) =>
      SIZES.map((size) => ({ kind, size, atOnce, messages: messagesOf(size, atOnce, quick) })),
    ),
  )
  return cells.filter(({ kind, size, atOnce }) => {
    return !quick || kind === 'clean' || (atOnce === 1 && size.bytes === SIZES[0]!.bytes)
  })
}

export const cellName = ({ kind, size, atOnce }: Omit<Cell, 'messages'>): string =>
  `${kind}, ${size.name}, ${atOnce} at a time`

/** Enough for a steady median in a second or two of the slowest contestant. */
function messagesOf(size: Size, atOnce: number, quick: boolean): number {
  const many = size.bytes > 1024 * 1024 ? 16 : 80
  const lanes = atOnce > 1 ? 2.5 : 1
  return Math.round((many * lanes) / (quick ? 3 : 1))
}
