/**
 * The values of an option on a command line, in order: `--milter ADDRESS` and `--milter=ADDRESS`,
 * as often as it occurs.
 */
export function optionValues(words: readonly string[], option: string): string[] {
  return words.flatMap((word, at) => {
    if (word === option) return words[at + 1] ?? []
    return word.startsWith(`${option}=`) ? word.slice(option.length + 1) : []
  })
}
