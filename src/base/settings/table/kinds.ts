import { byteSize, choice, type NumberRange, splitWords, wholeNumber } from '../../text/values.ts'

/** The programs that read a setting from their environment. */
type SettingReader = 'slot' | 'onescand' | 'onescan-quotad' | 'onescan-rcptquota'

/** The programs that onescan starts for a message, with its own environment. */
type Child = 'next program' | 'scanners'

/** What onescand does with a path in the value. `writes into` a directory; `writes` and `connects to` a file. */
type PathUse = 'reads' | 'writes' | 'writes into' | 'connects to'

/**
 * How onescand treats a setting that a client sends (onescan-interfaces(7), QMAIL).
 *
 * - `must match`: the client scans standalone if its value differs from onescand's own.
 * - `overrides`: the client's value applies.
 * - `may tighten`: the client's value applies unless `laxer` reports that it is laxer than onescand's own.
 * - `checked only`: onescand reads the value to check it, but its own applies.
 * - `about client`: the value describes the client. Like all values above, it is the same for all of its mail, so
 *   onescand caches what it has read for a client by these values.
 * - `about message`: the value may differ from message to message.
 * - undefined: onescanc does not send the setting.
 */
export type FromClient =
  | 'must match'
  | 'overrides'
  | 'may tighten'
  | 'checked only'
  | 'about client'
  | 'about message'
  | undefined

interface SettingCommon<Value> {
  /**
   * Parses the text of the setting. An undefined or empty text gives the default. Throws a Fault of kind
   * `config` that begins with the setting's name.
   */
  readonly read: (text: string | undefined, name: string) => Value
  /** Returns why a client's value is laxer than onescand's own, as text that follows the name. */
  laxer?(theirs: Value, own: Value): string | undefined
  /** Returns which mail passes unscanned with this value, or undefined if none does. */
  passes?(value: Value): string | undefined
  readonly readers: readonly SettingReader[]
  readonly fromClient: FromClient
  readonly passedTo: readonly Child[]
  readonly path: PathUse
  /** A second name, which counts if the first is unset. */
  readonly alias: string | undefined
  /** A description of the default, if it depends on other settings or on the caller. */
  readonly defaultInWords: string | undefined
}

/** A whole number. */
interface NumberSetting<Default extends number | undefined = number | undefined>
  extends SettingCommon<Default | number>,
    NumberRange {
  readonly kind: 'number'
  /** The default, or undefined if there is none. The same holds for the other kinds. */
  readonly default: Default
}

/** Bytes; K, M or G may follow the number. Without a default 0. */
interface SizeSetting extends SettingCommon<number> {
  readonly kind: 'size'
  /** The default as an administrator would write it. */
  readonly default: string | undefined
}

/** One of several words. */
interface WordSetting<Word extends string = string> extends SettingCommon<Word> {
  readonly kind: 'word'
  readonly words: readonly Word[]
  readonly default: Word
}

/** Any other text, or the value parsed from it. */
interface TextSetting<Default = string | undefined, Value = unknown> extends SettingCommon<Value> {
  readonly kind: 'text'
  readonly default: Default
}

export type Setting = NumberSetting | SizeSetting | WordSetting | TextSetting

/**
 * The details in which a setting differs from the rule. By the rule the slot and onescand read it, and a client
 * must have the same value. The next program gets it. Scanners do not, since it could be secret. A path in it is
 * read.
 */
interface SettingDetails<Value> {
  readonly readers?: readonly SettingReader[]
  readonly passedTo?: readonly Child[]
  readonly path?: PathUse
  readonly alias?: string
  readonly fromClient?: Exclude<FromClient, 'may tighten'>
  readonly defaultInWords?: string
  /** With it, the setting is `may tighten`. */
  readonly laxer?: (theirs: Value, own: Value) => string | undefined
  readonly passes?: (value: Value) => string | undefined
}

/** Settings that the next program must not get: IndiMail's qmail-queue would scan the mail again. */
export const onescanAlone = { passedTo: [] } as const

/** A setting that a program that scans may use. Its value must not be secret. */
export const forScanners = { passedTo: ['next program', 'scanners'] } as const

function common<Value>(more: SettingDetails<Value>): Omit<SettingCommon<Value>, 'read'> {
  const readers = more.readers ?? ['slot', 'onescand']
  const isReadByBoth = readers.includes('slot') && readers.includes('onescand')
  const usually = isReadByBoth ? 'must match' : undefined
  const { passedTo = ['next program'], path = 'reads', alias, defaultInWords, laxer, passes } = more
  const rest = { readers, passedTo, path, alias, defaultInWords, ...(passes && { passes }) }
  if (laxer) return { ...rest, fromClient: 'may tighten', laxer }
  return { ...rest, fromClient: 'fromClient' in more ? more.fromClient : usually }
}

export function number<Default extends number | undefined>(
  fallback: Default,
  more: SettingDetails<number | Default> & Partial<NumberRange> = {},
): NumberSetting<Default> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, unit = '' } = more
  const read = (raw: string | undefined, name: string) =>
    raw ? wholeNumber(raw, name, 0, { min, max, unit }) : fallback
  return { kind: 'number', default: fallback, min, max, unit, read, ...common(more) }
}

export function size(fallback: string | undefined, more: SettingDetails<number> = {}): SizeSetting {
  const read = (raw: string | undefined, name: string) => byteSize(raw || fallback, name, 0)
  return { kind: 'size', default: fallback, read, ...common(more) }
}

/** Defines a setting with a fixed list of values. The first one is the default. */
export function word<const Word extends string>(
  words: readonly [Word, ...Word[]],
  more: SettingDetails<Word> = {},
): WordSetting<Word> {
  const read = (raw: string | undefined, name: string) => choice<Word>(raw, name, words, words[0])
  return { kind: 'word', words, default: words[0], read, ...common(more) }
}

/** The type that `parse` returns; also undefined if the setting is unset and has no default. */
type Parsed<Default, Value> = Default extends undefined ? Value | undefined : Value

export function text<Default extends string | undefined>(
  fallback: Default,
  more: SettingDetails<Parsed<Default, string>> = {},
): TextSetting<Default, Parsed<Default, string>> {
  return parsed(fallback, (raw) => raw, more)
}

/** Defines a setting whose text is converted by `parse`. */
export function parsed<Default extends string | undefined, Value>(
  fallback: Default,
  parse: (text: string, name: string) => Value,
  more: SettingDetails<Parsed<Default, Value>> = {},
): TextSetting<Default, Parsed<Default, Value>> {
  const read = (raw: string | undefined, name: string) => {
    const value = raw || fallback
    return (value === undefined ? undefined : parse(value, name)) as Parsed<Default, Value>
  }
  return { kind: 'text', default: fallback, read, ...common(more) }
}

/**
 * Defines a list of words between blanks, split like splitWords() does. The list is empty if the setting is
 * unset and has no default.
 */
export function wordList<Default extends string | undefined>(
  fallback: Default,
  more: SettingDetails<readonly string[]> = {},
): TextSetting<Default, readonly string[]> {
  const read = (raw: string | undefined, name: string) => splitWords(raw || fallback || '', name)
  return { kind: 'text', default: fallback, read, ...common(more) }
}
