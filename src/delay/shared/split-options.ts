/** A command line that makes no sense; the message ends in what would. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Options by name, each with its values in their order; '' for one without a value. */
export type GivenOptions = ReadonlyMap<string, readonly string[]>

export interface OptionNames {
  readonly withValue: readonly string[]
  readonly withoutValue: readonly string[]
  /** For the error about an unknown option. */
  readonly usage: string
}

/**
 * Reads options up to the first word that is none, and returns that word with all behind it: `-d
 * 1`, `-d1`, `-Sv`, `--names FILE`, `--names=FILE`, `--`. Throws a UsageError.
 */
export function splitOptions(
  argv: readonly string[],
  { withValue, withoutValue, usage }: OptionNames,
): { given: GivenOptions; words: string[] } {
  const given = new Map<string, string[]>()
  const words = [...argv]
  const give = (name: string, value: string) => given.set(name, [...(given.get(name) ?? []), value])
  while (words[0]?.startsWith('-') && words[0] !== '-') {
    const word = words.shift()!
    if (word === '--') break
    const [, name = '', rest] = /^(--[^=]*|-.)(.*)$/s.exec(word)!
    if (withValue.includes(name)) {
      const attached = name.startsWith('--') ? rest!.slice(1) : rest!
      const value = rest === '' ? words.shift() : attached
      if (value === undefined) throw new UsageError(`${name}: needs a value; ${usage}`)
      give(name, value)
    } else if (withoutValue.includes(name) && (rest === '' || !name.startsWith('--'))) {
      give(name, '')
      if (rest !== '') words.unshift(`-${rest}`)
    } else throw new UsageError(`${word}: is not an option; ${usage}`)
  }
  return { given, words }
}
