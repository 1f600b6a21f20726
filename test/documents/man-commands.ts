import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** What onescan(1) has from the `--help` of the program that is built. */

/** The command, its operands as yargs shows them, and what it does. */
interface Command {
  readonly name: string
  readonly operands: string
  readonly text: string
}

/** What `onescan WORDS --help` prints. */
export function help(...words: string[]): string {
  const program = join(import.meta.dirname, '../../dist/onescan.cjs')
  return execFileSync(process.execPath, [program, ...words, '--help'], {
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '100' },
  })
}

/** The commands that a help lists; none if it lists options alone. */
function commandsIn(text: string): Command[] {
  const [, list = ''] = text.split('\nCommands:\n')
  const [commands = ''] = list.split('\n\n')
  const lines = commands.replaceAll(/\n {20,}/g, ' ').split('\n')
  return lines.flatMap((line) => {
    const found = /^ +onescan ((?:\w+ )*?\w+)((?: [<[][^>\]]+[>\]])*)(?: {2,}(.*))?$/.exec(line)
    return found === null ? [] : [{ name: found[1]!, operands: found[2]!, text: found[3] ?? '' }]
  })
}

/** The items of the list of commands, as mdoc(7). */
export function commandItems(): string[] {
  return commandsIn(help()).map(({ name, operands, text }) => {
    const [, file, more] = /^ [<[](\w+)(\.\.)?/.exec(operands) ?? []
    const operand = file === undefined ? '' : ` Ar ${file}${more ? ' ...' : ''}`
    return `.It Cm ${name}${operand}\n${text}${text.endsWith('?') ? '' : '.'}\n`
  })
}

/** `check`, `inject`, …, and `plugin test` instead of `plugin`; of one command, those inside it. */
export function commandNames(...words: string[]): string[] {
  const path = words.map((word) => `${word} `).join('')
  const found = commandsIn(help(...words)).filter(({ name }) => name.startsWith(path))
  if (words.length > 0) return found.map(({ name }) => name)
  return found.flatMap(({ name }) => {
    const inside = commandNames(name)
    return inside.length > 0 ? inside : [name]
  })
}

/** The exit codes of each command that tells any. */
export function exitItems(): [tag: string, codes: string][] {
  return commandNames().flatMap((name): [string, string][] => {
    const [, codes] = /^Exit codes: ([\s\S]*)$/m.exec(help(...name.split(' '))) ?? []
    if (codes === undefined) return []
    const sentences = codes.trim().replaceAll(/\s+/g, ' ').replaceAll('. ', '.\n')
    return [[`Cm ${name}`, sentences.replaceAll(/(^|; )(\d) /g, '$1$2: ')]]
  })
}
