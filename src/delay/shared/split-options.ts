/** An error in the command line. Its message ends with what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The values of each option, in their order. An option without a value has ''. */
export type OptionValues = ReadonlyMap<string, readonly string[]>

/** The end of an error about a word that is missing or unknown. */
export const SEE_HELP = 'see smtp-delay --help'

interface OptionNames {
  readonly withValue: readonly string[]
  readonly withoutValue: readonly string[]
}

/**
 * Reads options up to the first word that is not an option or follows `--`. Returns the options, and
 * the words from there on. Options have the forms `-d 1`, `-d1`, `-Sv`, `--names FILE` and
 * `--names=FILE`. Throws a UsageError.
 */
export function splitOptions(
  argv: readonly string[],
  { withValue, withoutValue }: OptionNames,
): { values: OptionValues; words: string[] } {
  const values = new Map<string, string[]>()
  const words = [...argv]
  const give = (name: string, value: string) =>
    values.set(name, [...(values.get(name) ?? []), value])
  while (words[0]?.startsWith('-') && words[0] !== '-') {
    const word = words.shift()!
    if (word === '--') break
    const [, name = '', rest] = /^(--[^=]*|-.)(.*)$/s.exec(word)!
    if (withValue.includes(name)) {
      const attached = name.startsWith('--') ? rest!.slice(1) : rest!
      const value = rest === '' ? words.shift() : attached
      if (value === undefined) throw new UsageError(`${name}: needs a value; ${SEE_HELP}`)
      give(name, value)
    } else if (withoutValue.includes(name) && (rest === '' || !name.startsWith('--'))) {
      give(name, '')
      if (rest !== '') words.unshift(`-${rest}`)
    } else throw new UsageError(`${word}: is not an option; ${SEE_HELP}`)
  }
  return { values, words }
}
