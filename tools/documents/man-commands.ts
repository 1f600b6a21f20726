import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** What onescan(1) has from the `--help` of the program that is built. */

/** What `onescan WORDS --help` prints. */
export function help(...words: string[]): string {
  const command = words.join(' ')
  const known = helps.get(command)
  if (known !== undefined) return known
  const program = join(import.meta.dirname, '../../dist/onescan.cjs')
  const text = execFileSync(process.execPath, [program, ...words, '--help'], { encoding: 'utf8' })
  helps.set(command, text)
  return text
}

/** What was printed, by the words of the command: each is a process. */
const helps = new Map<string, string>()

/** The names of the commands that a help lists; none if it lists options alone. */
function namesIn(text: string): string[] {
  const [, list = ''] = text.split('\nCommands:\n')
  const [commands = ''] = list.split('\n\n')
  return [...commands.matchAll(/^ +onescan ((?:\w+ )*?\w+)(?: [<[]| {2}|$)/gm)].map(
    ([, name]) => name!,
  )
}

/** `check`, `inject`, …, and `policy test` instead of `policy`; of one command, those inside it. */
export function commandNames(...words: string[]): string[] {
  const path = words.map((word) => `${word} `).join('')
  const found = namesIn(help(...words)).filter((name) => name.startsWith(path))
  if (words.length > 0) return found
  return found.flatMap((name) => {
    const inside = commandNames(name)
    return inside.length > 0 ? inside : [name]
  })
}

/** The operands and the options of a command as mdoc(7), except those in OPTIONS of onescan(1). */
export function optionItems(command: string): string[] {
  const page = help(...command.split(' '))
  const options = choicesIn(page, 'Options')
  const hasSince = options.some(({ name }) => name === '--since')
  return [
    ...choicesIn(page, 'Positionals').map(
      ({ name, text }) => `.It Ar ${name}\n${asSentences(text)}`,
    ),
    ...options
      .filter(({ name }) => !OF_MANY.has(name) && !(name === '--until' && hasSince))
      .map(({ name, takesValue, text }) => {
        const word = name.slice('--'.length)
        const value = takesValue ? ` Ar ${VALUES[word] ?? word}` : ''
        return `.It Fl ${name.slice(1)}${value}\n${asSentences(text)}`
      }),
  ]
}

/** What is behind an option, if that is not the option's own name. */
const VALUES: Readonly<Record<string, string>> = {
  accept: 'subject',
  after: 'file',
  append: 'file',
  by: 'way',
  ca: 'file',
  client: 'address',
  control: 'directory',
  each: 'domain',
  from: 'address',
  grounds: 'ground',
  interface: 'address',
  jobs: 'number',
  keyring: 'file',
  log: 'file',
  mail: 'address',
  maildir: 'directory',
  'max-size': 'size',
  'password-file': 'file',
  postfix: 'directory',
  postmaster: 'address',
  quarantine: 'directory',
  rotate: 'keyring',
  scanners: 'names',
  sendmail: 'file',
  smtp: 'server',
  'smtp-user': 'user',
  socket: 'path',
  text: 'file',
  to: 'address',
  until: 'time',
  virus: 'name',
}

/** Options that onescan(1) explains once, with --until beside --since. */
const OF_MANY: ReadonlySet<string> = new Set([
  '--version',
  '--help',
  '--json',
  '--user',
  '--env',
  '--envdir',
  '--directory',
  '--since',
  '--search',
  '--grounds',
  '--recipient',
  '--released',
  '--yes',
])

/** What a help has in a chapter: a name, and its text with the default and the values behind it. */
function choicesIn(page: string, chapter: string): Choice[] {
  const [, list = ''] = page.split(`\n${chapter}:\n`)
  const lines = list
    .split('\n\n')[0]!
    .replaceAll(/\n {7,}|\n +(?=\[)/g, ' ')
    .split('\n')
  return lines.flatMap((line) => {
    const [, name, description] =
      /^ {2,6}(?:-\w, )?((?:--)?[a-z][a-z0-9-]*) +(.*)$/.exec(line) ?? []
    if (name === undefined) return []
    const text = description!
      .replaceAll(/ +/g, ' ')
      .replaceAll(/ ?\[(?:boolean|string|array|required|default: (?:false|true|\[\]))\]/g, '')
      .replace(/\[default: \["(.*)"\]\]/, '[default: $1]')
      .replace(/\[default: "(.*)"\]/, '[default: $1]')
      .replace(/ \[default: (.*)\]/, '. Default: $1')
      .replace(/ \[choices: (.*)\]/, (_, values: string) => `: ${values.replaceAll('"', '')}`)
    return [{ name, takesValue: !description!.includes('[boolean]'), text: text.trim() }]
  })
}

interface Choice {
  readonly name: string
  readonly takesValue: boolean
  readonly text: string
}

/** Text of a help as mdoc(7): a sentence a line, and an end to the last one. */
function asSentences(text: string): string {
  return `${text.replaceAll('. ', '.\n')}${/[.?]$/.test(text) ? '' : '.'}\n`
}
