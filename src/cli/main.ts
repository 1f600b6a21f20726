import yargs, { type Argv, type CommandModule } from 'yargs'
import about from '../../package.json' with { type: 'json' }
import { errorText } from '../lib/errors/fault.ts'
import { nearestName } from '../lib/settings/misspelt.ts'
import { allowCommand } from './allow.ts'
import { backupCommand } from './backup.ts'
import { bansCommand } from './bans.ts'
import { checkCommand } from './check/check.ts'
import { injectCommand } from './inject.ts'
import { keygenCommand } from './keygen.ts'
import { logCommand } from './log.ts'
import { policyCommand } from './policy.ts'
import { quarantineCommand } from './quarantine/quarantine.ts'
import { quotaCommand } from './quota.ts'
import { reportCommand } from './report.ts'
import { delegationFor, doForRoot } from './root/for-root.ts'
import { scanCommand } from './scan.ts'
import { STDIN } from './shared/message-file.ts'
import { text } from './shared/options.ts'
import { complainOf, FAILED } from './shared/run-command.ts'
import { disableCommand, enableCommand } from './switch.ts'
import { verifyCommand } from './verify.ts'

const commandModules = [
  checkCommand,
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
  backupCommand,
] as CommandModule[]

/** A command with the option that names the account, if root has one do it. */
function withUser(module: CommandModule): CommandModule {
  const { command, builder } = module
  const [name = ''] = String(command).split(' ')
  if (name !== 'check' && delegationFor([name]) === undefined) return module
  const build = builder as (yargs: Argv) => Argv
  const option = text('If root calls it: the account that does the work')
  return { ...module, builder: (yargs) => build(yargs).option('user', option) }
}

const commands = commandModules.map(({ command }) => String(command).split(' ')[0]!)

/** The subcommands of commands that have any. */
const subcommands: Readonly<Record<string, readonly string[]>> = {
  policy: ['test'],
  quarantine: ['list', 'show', 'release', 'delete'],
}

/** With this word a shell asks for completions: the last word may be empty. */
const COMPLETES = '--get-yargs-completions'

/** What yargs says if there is no command. */
const NO_COMMAND = 'Name a command.'

/** Commands that take any number of files. */
const FILES: ReadonlySet<string> = new Set(['scan', 'log', 'report'])

process.exitCode = FAILED // only a command changes this
process.stdout.on('error', stopQuietly)

const words = process.argv.slice(2)
const isRoot = process.getuid!() === 0
const delegation = isRoot ? delegationFor(words) : undefined

const empty = emptyWord(words)

if (empty !== undefined) giveUp(empty)
else if (delegation !== undefined) void doForRoot(delegation, words)
else void commandLine().parseAsync()

function commandLine(): Argv {
  return yargs(withoutLoneDash(words))
    .scriptName('onescan')
    .locale('en')
    .usage('$0 COMMAND\n\nScan each message once, anywhere in your cluster. See onescan(1).')
    .command(commandModules.map(withUser))
    .completion('completion', 'Print a script that completes commands and options, for bash or zsh')
    .demandCommand(1, NO_COMMAND)
    .strict()
    .version(`onescan ${about.version}`)
    .help()
    .alias('help', 'h')
    .middleware(({ _: [command] }) => {
      if (!isRoot || delegationFor([String(command)]) === undefined) return
      throw new Error(`${command}: must stand before its options`) // else it would be done as root
    }, true)
    .wrap(Math.min(process.stdout.columns ?? 80, 100))
    .fail(complain)
}

/** Reports an error in the command line, and exits. Commands report all other errors themselves. */
function complain(message: string | null, error: Error | undefined, parser: Argv): never {
  if (message === null) giveUp(errorText(error))
  giveUp(
    missingArgument(message, parser) ??
      unknownWord(message, parser) ??
      reworded(message) ??
      message,
  )
}

function giveUp(why: string): never {
  complainOf(commandOf(words), words.includes('--json'), why)
  process.stderr.write('Try "onescan --help", or --help after a command.\n')
  process.exit(FAILED)
}

/**
 * The complaint about a word that is empty, as a variable of a script that is not set: it is the value of no
 * option, and names no file. Undefined if there is none.
 */
function emptyWord(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === '' || /^--[a-z-]+=$/.test(word))
  if (at < 0 || words[0] === COMPLETES) return undefined
  const option = words[at] === '' ? words[at - 1] : words[at]!.slice(0, -1)
  return /^--[a-z-]+$/.test(option ?? '') ? `${option}: needs a value` : 'an argument is empty: ""'
}

/** Says in our words what yargs says of options; undefined for its other messages. */
function reworded(message: string): string | undefined {
  const options = (list: string | undefined) => list?.split(/, | and /).map((name) => `--${name}`)
  if (message === NO_COMMAND && words.length > 0) return `${words[0]}: name a command before it`
  const missing = options(/^Missing required arguments?: (.*)$/.exec(message)?.[1])
  if (missing) return `${missing.join(' and ')}: must be given`
  const valueless = options(/^Not enough arguments following: (.*)$/.exec(message)?.[1])
  if (valueless) return `${valueless.join(' and ')}: needs a value`
  const [, option, given, choices] =
    /^Invalid values:\n +Argument: (.*), Given: "(.*)", Choices: (.*)$/.exec(message) ?? []
  if (option) return `--${option} ${given}: must be one of ${choices!.replaceAll('"', '')}`
  const exclusive = options(/^Arguments (.*) are mutually exclusive$/.exec(message)?.[1])
  return exclusive && `${exclusive.join(' and ')}: give one of them`
}

/** `scan`, `policy test`; null if it is not a command. */
function commandOf([first, second]: readonly string[]): string | null {
  if (second !== undefined && subcommands[first!]?.includes(second)) return `${first} ${second}`
  return first !== undefined && commands.includes(first) ? first : null
}

/** Replaces a lone `-`: yargs loses it among several files, and the loss would go unnoticed. */
function withoutLoneDash(words: readonly string[]): string[] {
  return words.map((word) => (word === '-' && FILES.has(words[0]!) ? STDIN : word))
}

/** What yargs writes its help with: its types leave that out. */
function helpOf(parser: Argv) {
  return parser as unknown as {
    getUsage(): readonly (readonly [string, string])[]
    getDescriptions(): object
  }
}

/** Names the argument that is missing; undefined if yargs' message, which only counts, is another one. */
function missingArgument(message: string, parser: Argv): string | undefined {
  const [, given] = /^Not enough non-option arguments: got (\d+)/.exec(message) ?? []
  if (given === undefined) return undefined
  const usage = helpOf(parser).getUsage().at(-1)?.[0].replace('$0', 'onescan') ?? ''
  const missing = usage.match(/<[^>]+>/g)?.[Number(given)]
  return missing && `${missing} is missing; the command is: ${usage}`
}

/** Says what the first unknown word in yargs' message is not, and which one is nearest to it. */
function unknownWord(message: string, parser: Argv): string | undefined {
  const [, list] = /^Unknown (?:arguments?|commands?): (.*)$/.exec(message) ?? []
  const unknown = list?.split(', ')[0]
  if (unknown === undefined) return undefined
  if (unknown === words[0]) return `${unknown}: is not a command; ${nearest(unknown, commands)}`
  const below = subcommands[words[0]!]
  if (below && unknown === words[1]) {
    return `${words[0]} ${unknown}: is not a command; ${nearest(unknown, below)}`
  }
  const option = words.find(
    (word) => /^--?/.test(word) && word.replace(/^--?|=.*/g, '') === unknown,
  )
  if (option === undefined) return `${unknown}: is a word too many; see --help`
  const options = Object.keys(helpOf(parser).getDescriptions())
    .filter((name) => name.length > 1)
    .map((name) => `--${name}`)
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
