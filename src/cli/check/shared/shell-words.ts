import { splitWords } from '../../../ground/settings/settings.ts'

/**
 * Returns what id(1) would print for `-u` or `-g` and a name; undefined if that account or group is
 * not known.
 */
export type LookUpId = (option: 'u' | 'g', name: string) => number | undefined

/** The most characters of a line: variables that are filled in must not make it much longer. */
const LINE_MAX = 65_536

/**
 * The lines of a shell script with one command each. `$(id -u NAME)` is replaced by its number. A
 * line that ends in a backslash is joined with the next one. Comments are left out.
 */
export function commandLines(script: string, lookUpId: LookUpId): string[] {
  return substituteIds(script, lookUpId)
    .replace(/(^|[\s;])#.*$/gm, '$1')
    .replace(/\\\n/g, ' ')
    .split(/[\n;]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** Replaces what id(1) would print. Any other substitution becomes the single word `$()`. */
function substituteIds(text: string, lookUpId: LookUpId): string {
  return text.replace(/\$\(([^()`\n]*)\)|`([^`\n]*)`/g, (_, modern?: string, old?: string) => {
    const [, option, name] =
      /^\s*(?:\/usr\/bin\/|\/bin\/)?id\s+-([ug])\s+["']?([\w.-]+)["']?\s*$/.exec(
        modern ?? old ?? '',
      ) ?? []
    const id = option && name ? lookUpId(option as 'u' | 'g', name) : undefined
    return id === undefined ? '$()' : String(id)
  })
}

/**
 * The words of a line, with the variables of `environment` filled in. A line has no words if a text
 * in it goes on in the next line, or if it is longer than LINE_MAX.
 */
export function wordsOf(line: string, environment: Readonly<Record<string, string>>): string[] {
  const filled = line.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced?: string, plain?: string) => environment[braced ?? plain ?? ''] ?? whole,
  )
  if (filled.length > LINE_MAX) return []
  try {
    return splitWords(filled, 'run script')
  } catch {
    return [] // a quote is not closed in this line
  }
}

/**
 * The one-letter options at the start of these words, as getopt(3) reads them. The letters in
 * `valued` take a value.
 */
export function shortOptions(words: readonly string[], valued: string): Map<string, string> {
  const options = new Map<string, string>()
  for (let i = 0; i < words.length && /^-./.test(words[i]!); i++) {
    for (let letters = words[i]!.slice(1); letters !== ''; letters = letters.slice(1)) {
      const letter = letters[0]!
      if (!valued.includes(letter)) continue
      options.set(letter, letters.slice(1) || (words[++i] ?? ''))
      break
    }
  }
  return options
}
