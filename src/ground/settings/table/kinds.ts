/** Programs that read a setting from their environment. */
export type Reader = 'slot' | 'onescand' | 'onescan-quotad'

/**
 * What onescand does with a setting that a client of the slot tells it (doc/slot-protocol.md,
 * "Trust"): `same`: another one than its own is a reason to go cold; `taken`: counts as it is;
 * `bounded`: counts unless it is laxer than its own; `client`: is about the client alone; `message`:
 * is about the message; `asked`: is read, and its own counts. Undefined: onescanc does not tell it.
 */
export type FromClient = 'same' | 'taken' | 'bounded' | 'client' | 'message' | 'asked' | undefined

interface Common {
  /** One line for a table, in Markdown. */
  readonly help: string
  readonly readers: readonly Reader[]
  readonly told: FromClient
  /** What counts if it is unset, in words, where that depends on others. */
  readonly otherwise: string | undefined
}

/** A whole number. */
export interface NumberSetting<Standard = number | undefined> extends Common {
  readonly kind: 'number'
  /** What counts if it is unset; undefined: nothing does. So it is with the others. */
  readonly standard: Standard
  readonly min: number
  readonly max: number
  readonly unit: string
}

/** Bytes, with K, M or G. */
export interface SizeSetting extends Common {
  readonly kind: 'size'
  /** As somebody would write it. */
  readonly standard: string | undefined
}

/** One of some words. */
export interface WordSetting<Word extends string = string> extends Common {
  readonly kind: 'word'
  readonly words: readonly Word[]
  readonly standard: Word
}

/** Anything else: whoever reads it knows its form. */
export interface TextSetting<Standard = string | undefined> extends Common {
  readonly kind: 'text'
  readonly standard: Standard
}

export type Setting = NumberSetting | SizeSetting | WordSetting | TextSetting

/** What differs from a setting of the slot and of onescand that a client may not have otherwise. */
interface More {
  readonly readers?: readonly Reader[]
  readonly told?: FromClient
  readonly otherwise?: string
}

function common(help: string, more: More): Common {
  const readers = more.readers ?? ['slot', 'onescand']
  const isOfBoth = readers.includes('slot') && readers.includes('onescand')
  const told = 'told' in more ? more.told : isOfBoth ? 'same' : undefined
  return { help, readers, told, otherwise: more.otherwise }
}

export function number<Standard extends number | undefined>(
  standard: Standard,
  help: string,
  {
    min = 0,
    max = Number.MAX_SAFE_INTEGER,
    unit = '',
    ...more
  }: More & { readonly min?: number; readonly max?: number; readonly unit?: string } = {},
): NumberSetting<Standard> {
  return { kind: 'number', standard, min, max, unit, ...common(help, more) }
}

export function size(standard: string | undefined, help: string, more: More = {}): SizeSetting {
  return { kind: 'size', standard, ...common(help, more) }
}

/** The first word is what counts if it is unset. */
export function word<const Word extends string>(
  words: readonly [Word, ...Word[]],
  help: string,
  more: More = {},
): WordSetting<Word> {
  return { kind: 'word', words, standard: words[0], ...common(help, more) }
}

export function text<Standard extends string | undefined>(
  standard: Standard,
  help: string,
  more: More = {},
): TextSetting<Standard> {
  return { kind: 'text', standard, ...common(help, more) }
}
