import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { errorText } from '../runtime/fault.ts'
import { DOS_REMEDY, SeveralFaults } from './faults.ts'
import { nearest } from './nearest.ts'

/** As parseArgs() of Node has them. */
type ParsedOptions<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options; tokens: true }>
>

/**
 * The words of a command line by its options, as parseArgs() of Node has them, with their order, and
 * a line for each option that is not known and each word that is none. Throws SeveralFaults for what
 * leaves the others without a meaning, as a value that is missing. A number below zero is a value, so that whoever reads it can say what it must be.
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
      return { ...parsed, faults }
    } catch (error) {
      const text = errorText(error)
      const [, option = ''] = /^Unknown option '(-[^' ]*)'/.exec(text) ?? []
      const [, word = ''] = /^Unexpected argument '(.*?)'\./.exec(text) ?? []
      if (option === '' && word === '') throw new SeveralFaults([...faults, plainly(text)])
      faults.push(option === '' ? `${word}: is no option; see --help` : unknown(option, options))
      args = option === '' ? args.filter((each) => each !== word) : without(args, option)
    }
  }
}

/** `--workers -1` as `--workers=-1`: a word that begins so would be an option. */
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
  const meant = nearest(option.replace(/^-+/, ''), Object.keys(options))
  return `${option}: is no option; ${meant === undefined ? 'see --help' : `did you mean --${meant}?`}`
}

/** With its value, if the next word is one. */
function without(args: readonly string[], option: string): string[] {
  const at = args.findIndex((word) => word === option || word.startsWith(`${option}=`))
  if (at < 0) return []
  const hasValue =
    args[at] === option && args[at + 1] !== undefined && !args[at + 1]!.startsWith('-')
  return args.filter((_, index) => index !== at && !(hasValue && index === at + 1))
}

/** `Option '--milter <value>' argument missing`, without what is of no use to who reads it. */
function plainly(text: string): string {
  const [, option] = /^Option '(--[a-z-]+)[^']*' argument (?:missing|is ambiguous)/.exec(text) ?? []
  if (option !== undefined) return `${option}: needs a value`
  const [, flag] = /^Option '(--[a-z-]+)' does not take an argument/.exec(text) ?? []
  return flag === undefined ? text : `${flag}: takes no value`
}
