import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { AggregateFault, FaultCollector } from '../errors/aggregate-fault.ts'
import { errorText } from '../errors/fault.ts'
import { nearestName } from '../text/nearest-name.ts'

/** The remedy for a file that an editor on Windows has written. */
export const DOS_REMEDY =
  "the file that sets it has the line ends of Windows (CR LF): remove them by sed -i 's/\\r$//' FILE"

/** The result type of Node's parseArgs(). */
type ParsedOptions<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options; tokens: true }>
>

/**
 * Parses a command line like Node's parseArgs(), and keeps the order of the arguments. `faults` contains a
 * line for each unknown option and for each argument that is not an option. A negative number is a value, so
 * that the reader of the option can report the valid range. Throws an AggregateFault if the rest is invalid, for
 * example if a value is missing or empty.
 */
export function parseOptions<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): ParsedOptions<Options> & { readonly faults: readonly string[] } {
  const faults: string[] = []
  if (args.some((arg) => arg.includes('\r'))) {
    faults.push(`the options end in a carriage return: ${DOS_REMEDY}`)
  }
  let rest = withNumbers(args.filter((arg) => arg !== '\r').map((arg) => arg.replaceAll('\r', '')))
  for (;;) {
    try {
      const parsed = parseArgs({ args: rest, options, tokens: true }) as ParsedOptions<Options>
      const empty = parsed.tokens.flatMap((token) =>
        token.kind === 'option' && token.value === '' ? `${token.rawName}: needs a value` : [],
      )
      if (empty.length > 0) throw new AggregateFault([...faults, ...empty])
      return { ...parsed, faults }
    } catch (error) {
      if (error instanceof AggregateFault) throw error
      const text = errorText(error)
      const [, option] = /^Unknown option '(-[^' ]*)'/.exec(text) ?? []
      const [, unexpected] = /^Unexpected argument '(.*?)'\./.exec(text) ?? []
      if (option !== undefined) {
        faults.push(unknown(option, options))
        rest = without(rest, option)
      } else if (unexpected !== undefined) {
        faults.push(`${unexpected || '""'}: is not an option; see --help`)
        rest = rest.filter((arg) => arg !== unexpected)
      } else throw new AggregateFault([...faults, reworded(text)])
    }
  }
}

/** Options in the form of parseArgs(). `read` makes a value of the text, and throws an Error that begins with `name`. */
type OptionTable = ParseArgsOptionsConfig &
  Readonly<Record<string, { readonly read?: (text: string, name: string) => unknown }>>

type ReadOption<Option> = Option extends { read: (text: string, name: string) => infer Value }
  ? Value
  : Option extends { type: 'boolean' }
    ? boolean
    : string

/** The values of the options of a table: a list, a value, or undefined if there is no default. */
type OptionValues<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends { multiple: true }
    ? readonly ReadOption<Table[Name]>[]
    : Table[Name] extends { default: unknown }
      ? ReadOption<Table[Name]>
      : ReadOption<Table[Name]> | undefined
}

/**
 * Reads the command line of a service by a table, and passes the values to `make`, with the options in the order in which they
 * were given. A wrong value is left out, and noted in `noted`. Without that, throws an AggregateFault with all that is wrong, as also for
 * a command line that cannot be parsed. (Two programs have other readers: onescan has subcommands, which yargs reads, and
 * smtp-delay has the options of tcpserver, such as `-Sv`.)
 */
export function readByTable<const Table extends OptionTable, Made>(
  args: readonly string[],
  table: Table,
  make: (
    values: OptionValues<Table>,
    tokens: readonly OptionToken[],
    faults: FaultCollector,
  ) => Made,
  noted?: FaultCollector,
): Made {
  const { values, tokens, faults: unknownOnes } = parseOptions(args, table)
  const faults = noted ?? new FaultCollector()
  const optionValue = (name: string, { read, multiple }: OptionTable[string]) => {
    const texts = [(values as Record<string, unknown>)[name] ?? []].flat()
    const all = texts.flatMap((text) =>
      read ? faults.attempt(() => [read(String(text), `--${name}`)], []) : [text],
    )
    return [name, multiple ? all : all[0]]
  }
  const entries = Object.entries(table).map(([name, option]) => optionValue(name, option))
  const inOrder = tokens.flatMap((token) => (token.kind === 'option' ? [token] : []))
  const made = make(Object.fromEntries(entries) as OptionValues<Table>, inOrder, faults)
  const all = [...unknownOnes, ...faults.lines]
  if (noted === undefined && all.length > 0) throw new AggregateFault(all)
  return made
}

/** An option as it was given. */
export interface OptionToken {
  readonly name: string
  readonly value?: string | undefined
}

/**
 * Joins `--workers -1` to `--workers=-1`, because parseArgs() parses an argument that begins with `-` as an
 * option.
 */
function withNumbers(args: readonly string[]): string[] {
  const joined: string[] = []
  for (const arg of args) {
    const last = joined.at(-1)
    if (/^-[0-9]/.test(arg) && last !== undefined && /^--[a-z-]+$/.test(last)) {
      joined.splice(-1, 1, `${last}=${arg}`)
    } else joined.push(arg)
  }
  return joined
}

function unknown(option: string, options: ParseArgsOptionsConfig): string {
  const suggestion = nearestName(option.replace(/^-+/, ''), Object.keys(options))
  return `${option}: is not an option; ${suggestion === undefined ? 'see --help' : `did you mean --${suggestion}?`}`
}

/** Removes an option from the arguments, and its value if the next argument is one. */
function without(args: readonly string[], option: string): string[] {
  const at = args.findIndex((arg) => arg === option || arg.startsWith(`${option}=`))
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
