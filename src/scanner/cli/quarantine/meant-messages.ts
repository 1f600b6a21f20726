import { errorText, Fault } from '../../../base/errors/fault.ts'
import { type Desk, type MessageFilter, statesOf } from '../../desk/desk.ts'
import { forCommand } from '../../desk/problem.ts'
import { flag, textOption } from '../command/cli-options.ts'
import type { Output } from '../command/run-command.ts'
import { spanOf, spanOptions } from '../mail/log-arguments.ts'

/** The options of the commands that find messages. */
export const searchOptions = {
  ...spanOptions,
  search: textOption(
    'With all these words, and without each -word: in id, addresses, From, subject, finding, names of files',
  ),
  grounds: textOption('Kept for this reason, such as virus or banned'),
  recipient: textOption('To an address that contains this'),
  released: flag('Also released messages'),
} as const

/** The ids on a command line that may search instead. */
export const idsArgument = {
  type: 'string',
  array: true,
  default: [],
  describe: 'Ids or short numbers of the messages [default: those found]',
} as const

export const yesOption = {
  yes: flag('Do it for all that the options find; without it they are only listed'),
} as const

/** The values of searchOptions. */
interface SearchArguments {
  readonly since: string | undefined
  readonly until: string | undefined
  readonly search: string | undefined
  readonly grounds: string | undefined
  readonly recipient: string | undefined
  readonly released: boolean
}

export function filterOf(args: SearchArguments): MessageFilter {
  const { search, grounds, recipient, released } = args
  const states = statesOf(released ? 'all' : undefined)
  return { range: spanOf(args, Date.now()), states, search, grounds, recipient }
}

/** Whether the options choose some messages. */
export const isSearch = ({ since, until, search, grounds, recipient }: SearchArguments): boolean =>
  [since, until, search, grounds, recipient].some((value) => value !== undefined)

/** Reports what is left out of a list. */
export const complainTo =
  (output: Output) =>
  (reason: unknown, entry?: { readonly id: string }): void =>
    output.error(`${entry === undefined ? '' : `${entry.id}: `}${errorText(reason)}`)

/**
 * Does something with the messages on the command line or, with --yes, with those that its options find. Resolves to the
 * numbers of those with which it was done and was not, each of which is an error of the output.
 */
export async function forEachMeant(
  desk: Desk,
  args: SearchArguments & { readonly ids: readonly string[]; readonly yes: boolean },
  output: Output,
  done: string,
  work: (id: string) => Promise<void>,
): Promise<{ readonly count: number; readonly failed: number }> {
  const { ids, yes } = args
  if (ids.length > 0 === isSearch(args))
    throw new Fault('config', 'specify ids, or options such as --search and --since')
  const meant = ids.length > 0 ? ids : await idsFound(desk, filterOf(args), output)
  if (ids.length === 0 && !yes) {
    for (const id of meant) output.text(`${id}\n`)
    throw new Fault('config', `${meant.length} messages would be ${done}; add --yes, or look at them with onescan quarantine list`) // biome-ignore format: a line
  }
  let count = 0
  for (const id of meant) {
    try {
      await work(await desk.idOf(id))
      count++
    } catch (error) {
      output.error(errorText(forCommand(error)))
    }
  }
  return { count, failed: meant.length - count }
}

async function idsFound(desk: Desk, filter: MessageFilter, output: Output): Promise<string[]> {
  const ids: string[] = []
  for await (const { entry } of desk.find(filter, complainTo(output))) ids.push(entry.id)
  return ids
}
