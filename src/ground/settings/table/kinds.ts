/** The programs that read a setting from their environment. */
export type SettingReader = 'slot' | 'onescand' | 'onescan-quotad'

/**
 * What onescand does with a setting that a client of the slot sends (onescand(8), CLIENTS OF THE
 * SLOT).
 * - `same`: the client goes cold if its value differs from onescand's own.
 * - `taken`: the client's value counts.
 * - `bounded`: the client's value counts unless it is laxer than onescand's own.
 * - `client`, `message`: the setting is about the client or the message.
 * - `asked`: onescand reads the value to check it, but its own counts.
 * - undefined: onescanc does not send the setting.
 */
export type FromClient = 'same' | 'taken' | 'bounded' | 'client' | 'message' | 'asked' | undefined

interface SettingCommon {
  readonly readers: readonly SettingReader[]
  readonly fromClient: FromClient
  /** The default in words, if it depends on other settings or on the caller. */
  readonly defaultInWords: string | undefined
}

/** A whole number. */
export interface NumberSetting<Default = number | undefined> extends SettingCommon {
  readonly kind: 'number'
  /** The default; undefined if there is none. The same holds for the other kinds. */
  readonly default: Default
  readonly min: number
  readonly max: number
  readonly unit: string
}

/** Bytes; K, M or G may follow the number. */
export interface SizeSetting extends SettingCommon {
  readonly kind: 'size'
  /** The default as an administrator would write it. */
  readonly default: string | undefined
}

/** One of several words. */
export interface WordSetting<Word extends string = string> extends SettingCommon {
  readonly kind: 'word'
  readonly words: readonly Word[]
  readonly default: Word
}

/** Any other text, whose reader knows its form. */
export interface TextSetting<Default = string | undefined> extends SettingCommon {
  readonly kind: 'text'
  readonly default: Default
}

export type Setting = NumberSetting | SizeSetting | WordSetting | TextSetting

/**
 * The details in which a setting differs from the rule. By the rule the slot and onescand read it,
 * and a client must have the same value.
 */
interface SettingDetails {
  readonly readers?: readonly SettingReader[]
  readonly fromClient?: FromClient
  readonly defaultInWords?: string
}

function common(more: SettingDetails): SettingCommon {
  const readers = more.readers ?? ['slot', 'onescand']
  const isReadByBoth = readers.includes('slot') && readers.includes('onescand')
  const fromClient = 'fromClient' in more ? more.fromClient : isReadByBoth ? 'same' : undefined
  return { readers, fromClient, defaultInWords: more.defaultInWords }
}

export function number<Default extends number | undefined>(
  byDefault: Default,
  {
    min = 0,
    max = Number.MAX_SAFE_INTEGER,
    unit = '',
    ...more
  }: SettingDetails & { readonly min?: number; readonly max?: number; readonly unit?: string } = {},
): NumberSetting<Default> {
  return { kind: 'number', default: byDefault, min, max, unit, ...common(more) }
}

export function size(byDefault: string | undefined, more: SettingDetails = {}): SizeSetting {
  return { kind: 'size', default: byDefault, ...common(more) }
}

/** The first word is the default. */
export function word<const Word extends string>(
  words: readonly [Word, ...Word[]],
  more: SettingDetails = {},
): WordSetting<Word> {
  return { kind: 'word', words, default: words[0], ...common(more) }
}

export function text<Default extends string | undefined>(
  byDefault: Default,
  more: SettingDetails = {},
): TextSetting<Default> {
  return { kind: 'text', default: byDefault, ...common(more) }
}
