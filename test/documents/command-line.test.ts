import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { commandNames, help } from '../../tools/documents/man-commands.ts'
import { readPage, section } from './man-page.ts'

/** The commands of the built `onescan` against the documents and the man pages. */

const root = join(import.meta.dirname, '../..')

const commands = commandNames()

t.test('onescan(1) has a chapter about exactly the commands of onescan', async (t) => {
  const titles = section(readPage('onescan.1'), 'COMMANDS').matchAll(/^\.Ss (.*)$/gm)
  const chapters = [...titles].flatMap(([, title]) => title!.split(', '))
  t.same(chapters.sort(), [...commands].sort())
})

t.test('the documents name only commands and options that exist', async (t) => {
  const options = new Set(commands.flatMap((command) => optionsOf(command)))
  options.add('--help')
  const pages = readdirSync(join(root, 'doc')).filter((name) => name.endsWith('.md'))
  const ofRoot = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
  const documents = [...ofRoot, ...pages.map((name) => `doc/${name}`)]
  let seen = 0
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8')
    for (const line of commandLines(text)) {
      const words = line.split(/ +/).slice(1)
      t.ok(
        commands.some((command) => words.join(' ').startsWith(command)),
        `${document}: ${line}`,
      )
      for (const word of words.filter((text) => text.startsWith('--'))) {
        t.ok(options.has(word), `${document}: ${line}`)
        seen++
      }
    }
  }
  t.ok(seen > 5, 'options were found')
})

/** Lines of code blocks, and code in a sentence, that begin with the command. */
function commandLines(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^ *```\w*\n([\s\S]*?)^ *```$/gm)].map(([, code]) => code!)
  const inBlocks = blocks.flatMap((code) => code.replace(/\\\n/g, ' ').split('\n'))
  const inSentences = [...markdown.matchAll(/`(onescan [^`]+)`/g)].map(([, code]) => code!)
  return [...inBlocks, ...inSentences]
    .map((line) => line.trim())
    .filter((line) => /^onescan [a-z]/.test(line))
}

function optionsOf(command: string): string[] {
  const [, options = ''] = help(...command.split(' ')).split('\nOptions:\n')
  return [...options.split('\n\n')[0]!.matchAll(/^ {2,6}(--[a-z][a-z0-9-]*)/gm)]
    .map(([, option]) => option!)
    .filter((option) => option !== '--version')
}
