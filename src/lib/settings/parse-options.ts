import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { errorText } from '../errors/fault.ts'
import { DOS_REMEDY, SeveralFaults } from './faults.ts'
import { nearestName } from './misspelt.ts'

/** The result type of Node's parseArgs(). */
type ParsedOptions<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options; tokens: true }>
>

/**
 * Reads a command line as Node's parseArgs() does, with the order of its words. The result has a
 * line in `faults` for each unknown option and for each word that is not an option. A negative number
 * is a value, so that the reader of the option can say what it must be. Throws SeveralFaults if the
 * rest makes no sense, as for a value that is missing or empty.
 */
export function parseOptions<const Options extends ParseArgsOptionsConfig>(
  words: readonly string[],
  options: Options,
): ParsedOptions<Options> & { readonly faults: readonly string[] } {
  const faults: string[] = []
  if (words.some((word) => word.includes('\r'))) {
    faults.push(`the options end in a carriage return: ${DOS_REMEDY}`)
  }
  let args = withNumbers(
    words.filter((word) => word !== '\r').map((word) => word.replaceAll('\r', '')),
  )
  for (;;) {
    try {
      const parsed = parseArgs({ args, options, tokens: true }) as ParsedOptions<Options>
      const empty = parsed.tokens.flatMap((token) =>
        token.kind === 'option' && token.value === '' ? `${token.rawName}: needs a value` : [],
      )
      if (empty.length > 0) throw new SeveralFaults([...faults, ...empty])
      return { ...parsed, faults }
    } catch (error) {
      if (error instanceof SeveralFaults) throw error
      const text = errorText(error)
      const [, option] = /^Unknown option '(-[^' ]*)'/.exec(text) ?? []
      const [, word] = /^Unexpected argument '(.*?)'\./.exec(text) ?? []
      if (option !== undefined) {
        faults.push(unknown(option, options))
        args = without(args, option)
      } else if (word !== undefined) {
        faults.push(`${word || '""'}: is not an option; see --help`)
        args = args.filter((arg) => arg !== word)
      } else throw new SeveralFaults([...faults, reworded(text)])
    }
  }
}

/**
 * Joins `--workers -1` to `--workers=-1`, since parseArgs() takes a word that begins with `-` for
 * an option.
 */
function withNumbers(words: readonly string[]): string[] {
  const joined: string[] = []
  for (const word of words) {
    const last = joined.at(-1)
    if (/^-[0-9]/.test(word) && last !== undefined && /^--[a-z-]+$/.test(last)) {
      joined.splice(-1, 1, `${last}=${word}`)
    } else joined.push(word)
  }
  return joined
}

function unknown(option: string, options: ParseArgsOptionsConfig): string {
  const suggestion = nearestName(option.replace(/^-+/, ''), Object.keys(options))
  return `${option}: is not an option; ${suggestion === undefined ? 'see --help' : `did you mean --${suggestion}?`}`
}

/** Removes an option from the words, and its value if the next word is one. */
function without(args: readonly string[], option: string): string[] {
  const at = args.findIndex((word) => word === option || word.startsWith(`${option}=`))
  if (at < 0) return []
  const hasValue =
    args[at] === option && args[at + 1] !== undefined && !args[at + 1]!.startsWith('-')
  return args.filter((_, index) => index !== at && !(hasValue && index === at + 1))
}

/** Rewords an error of parseArgs(), such as `Option '--milter <value>' argument missing`. */
function reworded(text: string): string {
  const [, option] =
    /^Option '(--[a-z-]+)(?: [^']*)?' argument (?:missing|is ambiguous)/.exec(text) ?? []
  if (option !== undefined) return `${option}: needs a value`
  const [, flag] = /^Option '(--[a-z-]+)' does not take an argument/.exec(text) ?? []
  return flag === undefined ? text : `${flag}: takes no value`
}
