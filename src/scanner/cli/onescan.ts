import yargs, { type Argv, type CommandModule } from 'yargs'
import { errorText } from '../../base/errors/fault.ts'
import { nearestName } from '../../base/text/nearest-name.ts'
import { printedVersion } from '../../base/text/version.ts'
import { allowCommand } from './allow.ts'
import { bansCommand } from './bans.ts'
import { checkCommand } from './check/check.ts'
import { caller } from './command/caller.ts'
import { textOption } from './command/cli-options.ts'
import { doElsewhere, FAILED, reportUsageError } from './command/run-command.ts'
import { injectCommand } from './inject.ts'
import { keygenCommand } from './keygen.ts'
import { logCommand } from './log.ts'
import { STDIN } from './mail/message-file.ts'
import { policyCommand } from './policy.ts'
import { quarantineCommand } from './quarantine/quarantine.ts'
import { quotaCommand } from './quota.ts'
import { reportCommand } from './report.ts'
import { delegationFor, doForRoot } from './root/for-root.ts'
import { scanCommand } from './scan/scan.ts'
import { statusCommand } from './status.ts'
import { disableCommand, enableCommand } from './switch.ts'
import { verifyCommand } from './verify.ts'

/** yargs reads their options, and not readByTable() as for services: a command has subcommands and arguments. */
const commandModules = [
  checkCommand,
  statusCommand,
  injectCommand,
  scanCommand,
  verifyCommand,
  keygenCommand,
  disableCommand,
  enableCommand,
  quotaCommand,
  logCommand,
  reportCommand,
  quarantineCommand,
  policyCommand,
  bansCommand,
  allowCommand,
] as CommandModule[]

/** A command with the option for the account, if root delegates the command to one. */
function withUser(module: CommandModule): CommandModule {
  const { command, builder } = module
  const [name = ''] = String(command).split(' ')
  if (name !== 'check' && delegationFor({ _: [name] }) === undefined) return module
  const build = builder as (yargs: Argv) => Argv
  const option = textOption('If root runs it: the account that does the work')
  return { ...module, builder: (parser) => build(parser).option('user', option) }
}

const commands = commandModules.map(({ command }) => String(command).split(' ')[0]!)

/** The subcommands of commands that have any. */
const subcommands: Readonly<Record<string, readonly string[]>> = {
  policy: ['test'],
  quarantine: ['list', 'show', 'release', 'delete', 'digest'],
}

/** The argument with which a shell requests completions: the last one may be empty. */
const COMPLETES = '--get-yargs-completions'

/** Commands that accept any number of files. */
const FILES: ReadonlySet<string> = new Set(['scan', 'log', 'report'])

/** Separates the kind of a complaint from its subject. */
const OF = '\t'

/** The possible faults of a command line, by what yargs reports about it. */
const complaints = {
  'no-command': () =>
    args.length > 0 ? `${args[0]}: a command must precede it` : 'specify a command',
  unknown: unknownWord,
  'missing-argument': missingArgument,
  'missing-options': (names: string) =>
    names.includes(', ')
      ? `${optionsIn(names)}: both are needed`
      : `${optionsIn(names)}: is needed`,
  'missing-value': (names: string) => `${optionsIn(names)}: needs a value`,
  'invalid-choice': (choice: string) => {
    const [option, value = '', choices = ''] = choice.trim().split('|')
    return `--${option} ${value.slice(1, -1)}: must be one of ${choices.replaceAll('"', '')}`
  },
  needs: (pairs: string) => pairs.trim().replace(/^(\S+) -> (\S+).*/s, '--$1: needs --$2'),
  exclusive: (names: string) => `${optionsIn(names)}: specify one of them`,
} satisfies Record<string, (subject: string, parser: Argv) => string>
type Complaint = keyof typeof complaints

const optionsIn = (names: string) =>
  names
    .split(', ')
    .map((name) => `--${name}`)
    .join(' and ')

/** yargs passes only texts on, so they contain the kind of a complaint and its subject. */
const yargsTexts = {
  'Unknown argument: %s': forAnyNumber('unknown'),
  'Unknown command: %s': forAnyNumber('unknown'),
  'Not enough non-option arguments: got %s, need at least %s': forAnyNumber('missing-argument'),
  'Missing required argument: %s': forAnyNumber('missing-options'),
  'Not enough arguments following: %s': `missing-value${OF}%s`,
  'Implications failed:': `needs${OF}`,
  'Invalid values:': `invalid-choice${OF}`,
  'Argument: %s, Given: %s, Choices: %s': '%s|%s|%s',
  'Arguments %s and %s are mutually exclusive': `exclusive${OF}%s, %s`,
}

function forAnyNumber(kind: Complaint) {
  return { one: `${kind}${OF}%s`, other: `${kind}${OF}%s` }
}

/** Milliseconds that a command has to exit after its work. */
const EXIT_TIMEOUT = 2000

process.exitCode = FAILED // only a command changes this
process.stdout.on('error', stopQuietly)

const args = process.argv.slice(2)
// A process to which root delegated a command does it by itself: onescand may run as root, too.
const mayDelegate = process.getuid!() === 0 && caller === undefined
// Other programs print their version by these words.
if (args[0] === 'version' || args[0] === '-V') args[0] = '--version'
const empty = emptyArgument(args)

if (empty !== undefined) giveUp(empty)
if (mayDelegate)
  doElsewhere((parsed) => {
    const delegation = delegationFor(parsed)
    return delegation && doForRoot(delegation, args, parsed)
  })
void commandLine().parseAsync().then(end)

/** Ends soon: what is still under way by then is a thread that waits for a file system which does not respond. */
function end(): void {
  setTimeout(() => process.exit(), EXIT_TIMEOUT).unref()
}

function commandLine(): Argv {
  return yargs(withoutLoneDash(args))
    .scriptName('onescan')
    .locale('en')
    .updateStrings(yargsTexts as object as Record<string, string>) // its types lack numbers
    .usage('$0 COMMAND\n\nAdminister the onescan mail virus scanner. See onescan(1).')
    .command(commandModules.map(withUser))
    .completion('completion', 'Print a script that completes commands and options, for bash or zsh')
    .demandCommand(1, `no-command${OF}`)
    .strict()
    .version(`onescan ${printedVersion}`)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(process.stdout.columns ?? 80, 100))
    .fail(complain)
}

/** Reports an error in the command line, and exits. Commands report all other errors themselves. */
function complain(message: string | null, error: Error | undefined, parser: Argv): never {
  if (message === null) giveUp(errorText(error))
  const [kind = '', subject] = message.split(OF)
  if (subject === undefined) giveUp(message) // the command has reported it
  giveUp(complaints[kind as Complaint](subject, parser))
}

function giveUp(reason: string): never {
  reportUsageError(commandOf(args), args.includes('--json'), reason)
  process.stderr.write('Try "onescan --help", or --help after a command.\n')
  process.exit(FAILED)
}

/**
 * Returns the complaint about an empty argument, such as an unset variable of a script: it is not the value
 * of an option, and names no file. Returns undefined if there is none.
 */
function emptyArgument(words: readonly string[]): string | undefined {
  const at = words.findIndex((arg) => arg === '' || /^--[a-z-]+=$/.test(arg))
  if (at < 0 || words[0] === COMPLETES) return undefined
  const option = words[at] === '' ? words[at - 1] : words[at]!.slice(0, -1)
  return /^--[a-z-]+$/.test(option ?? '') ? `${option}: needs a value` : 'an argument is empty: ""'
}

/** Returns `scan` or `policy test`, or null if it is not a command. */
function commandOf([first = '', second]: readonly string[]): string | null {
  if (second !== undefined && subcommands[first]?.includes(second)) return `${first} ${second}`
  return commands.includes(first) ? first : null
}

/** Replaces a lone `-`: yargs loses it among several files, and the loss would go unnoticed. */
function withoutLoneDash(words: readonly string[]): string[] {
  return words.map((arg) => (arg === '-' && FILES.has(words[0]!) ? STDIN : arg))
}

/** Returns the help of the command that the arguments name, or of all. */
function helpOf(parser: Argv): string {
  let help = ''
  parser.showHelp((text) => {
    help = text
  })
  return help
}

/** Returns the text about the missing argument. `count` begins with the number of arguments that are there. */
function missingArgument(count: string, parser: Argv): string {
  const [usage = ''] = helpOf(parser).split('\n')
  const missing = usage.match(/<[^>]+>/g)?.[Number.parseInt(count, 10)] ?? 'an argument'
  return `${missing} is missing; the command is: ${usage}`
}

/** Reports what the first of the unknown arguments is not, and which one is nearest to it. */
function unknownWord(list: string, parser: Argv): string {
  const [unknown = ''] = list.split(', ')
  if (unknown === args[0]) return `${unknown}: is not a command; ${nearest(unknown, commands)}`
  const below = subcommands[args[0]!]
  if (below && unknown === args[1]) {
    return `${args[0]} ${unknown}: is not a command; ${nearest(unknown, below)}`
  }
  const option = args.find((arg) => /^--?/.test(arg) && arg.replace(/^--?|=.*/g, '') === unknown)
  if (option === undefined) return `${unknown}: is one argument too many; see --help`
  const options = Array.from(
    helpOf(parser).matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm),
    ([, name = '']) => name,
  )
  const shown = option.replace(/=.*/, '')
  return `${shown}: is not an option; ${nearest(`--${unknown}`, options)}`
}

function nearest(word: string, known: readonly string[]): string {
  const name = nearestName(word, known)
  return name === undefined ? 'see --help' : `did you mean ${name}?`
}

/** Exits if the reader of the output has ended (`| head`). */
function stopQuietly(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EPIPE') throw error
  process.exit(FAILED)
}
