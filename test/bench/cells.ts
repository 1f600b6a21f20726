/** What kind of mail: `trusted-…` bears a stamp of that scheme, whose key the host knows. */
export type Kind = 'clean' | 'infected' | 'trusted-hmac' | 'trusted-md5'

export interface Size {
  readonly name: string
  readonly bytes: number
}

/** One thing to measure, by all contestants that take part, in every round. */
export interface Cell {
  readonly kind: Kind
  readonly size: Size
  /** Messages under way at the same time. */
  readonly atOnce: number
  /** How often in a round the contestants take turns. */
  readonly turns: number
  /** Messages in one turn. */
  readonly messages: number
}

/** A cell without how much of it. */
export type Place = Omit<Cell, 'turns' | 'messages'>

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
      SIZES.map((size) => ({ kind, size, atOnce, ...amount(size, atOnce, quick) })),
    ),
  )
  return cells.filter(({ kind, size, atOnce }) => {
    return !quick || kind === 'clean' || (atOnce === 1 && size.bytes === SIZES[0]!.bytes)
  })
}

export const cellName = ({ kind, size, atOnce }: Place): string =>
  `${kind}, ${size.name}, ${atOnce} at a time`

/**
 * Enough for a steady median, in turns that are short, so that what disturbs the machine
 * for seconds disturbs all contestants; several at a time need more, or the last few of
 * a turn, which have less company, count for too much.
 */
function amount(size: Size, atOnce: number, quick: boolean): Pick<Cell, 'turns' | 'messages'> {
  const large = size.bytes > 1024 * 1024
  const turns = atOnce === 1 ? 4 : 3
  const messages = atOnce === 1 ? (large ? 5 : 20) : large ? 16 : 64
  return quick ? { turns: 2, messages: Math.ceil(messages / 2) } : { turns, messages }
}
