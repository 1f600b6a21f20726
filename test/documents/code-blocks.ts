import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The code of README, doc and man pages, and why some of it is typed nowhere. */

const root = join(import.meta.dirname, '../..')

export interface CodeBlock {
  readonly page: string
  /** What a comment above it calls it: the file of which it is a copy, or the example that a test runs; or ''. */
  readonly mark: string
  /** What is typed or written: without prompts, and without what comes out. */
  readonly text: string
  /** What comes out, by the page: the lines of a display below those with a prompt. */
  readonly output: string
}

/** All blocks: fenced and indented ones in Markdown, displays of man pages. */
export function codeBlocks(): CodeBlock[] {
  const pages = readdirSync(join(root, 'doc'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.md'),
  )
  const markdown = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...pages.map((name) => `doc/${name}`)] // biome-ignore format: a line
  const manuals = readdirSync(join(root, 'man')).map((name) => `man/${name}`)
  return [
    ...markdown.flatMap((page) => blocksOfMarkdown(page, read(page))),
    ...manuals.flatMap((page) => displays(page, read(page))),
  ]
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')

const FENCED = /^( *)(?:<!-- (\S+) -->\n *)?```\w*\n([\s\S]*?)^ *```\n/gm
/** Below an empty line; text of a list is indented by two or three blanks. */
const INDENTED = /(?<=\n\n)(?: {4,}\S.*\n)+/g

function blocksOfMarkdown(page: string, text: string): CodeBlock[] {
  const fenced = [...text.matchAll(FENCED)].map(([, indent = '', mark = '', code = '']) => ({
    page,
    mark,
    text: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    output: '',
  }))
  const indented = [...text.replaceAll(FENCED, '').matchAll(INDENTED)].map(([code]) => ({
    page,
    mark: '',
    text: code.replaceAll(/^ +/gm, ''),
    output: '',
  }))
  return [...fenced, ...indented]
}

/**
 * Displays of mdoc(7). Lines of `.Dl` that follow one another are one block; in a longer display only a `$` is a
 * prompt, since a `#` begins a comment.
 */
function displays(page: string, source: string): CodeBlock[] {
  const found = source.matchAll(
    /^(?:\.\\" example: (.*)\n)?(?:\.Bd -literal.*\n([\s\S]*?)\.Ed|((?:\.Dl .*\n)+))/gm,
  )
  return [...found].map(([, mark = '', display, lines = '']) => {
    const prompt = display === undefined ? /^[$#] / : /^\$ /
    const shown = (display ?? lines.replaceAll(/^\.Dl /gm, ''))
      .replaceAll('\\e', '\\')
      .replaceAll('\\(dq', '"')
      .split(/(?<=\n)/)
    const typed = shown.filter((line) => prompt.test(line))
    const text = (typed.length > 0 ? typed : shown).map((line) => line.replace(prompt, ''))
    const output = typed.length > 0 ? shown.filter((line) => !prompt.test(line)) : []
    return { page, mark, text: text.join(''), output: output.join('') }
  })
}
