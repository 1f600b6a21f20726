import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The sentences of README, doc/ and man/, without code, tables and names of macros. */

const root = join(import.meta.dirname, '../..')

export interface Sentence {
  readonly page: string
  readonly text: string
}

/** The pages that users and contributors read: all of Markdown and mdoc(7). */
export function proseOfPages(): Sentence[] {
  const below = (place: string) =>
    readdirSync(join(root, place), { recursive: true, encoding: 'utf8' }).map((name) => `${place}/${name}`) // biome-ignore format: a line
  const markdown = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('src/*/README.md', { cwd: root }), ...below('doc').filter((path) => path.endsWith('.md'))] // biome-ignore format: a line
  return [
    ...markdown.flatMap((page) => sentencesOf(page, proseOfMarkdown(read(page)))),
    ...below('man').flatMap((page) => sentencesOf(page, proseOfManual(read(page)))),
  ]
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** The number of words in a sentence; code, a link or a path is one word. */
export function wordsIn(sentence: string): number {
  return sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length
}

/** Paragraphs, each in one line; a cell of a table and an item of a list is a paragraph. */
export function proseOfMarkdown(text: string): string[] {
  return text
    .replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
    .replaceAll(/^(?: {4,}\S.*\n)+/gm, '\n')
    .replaceAll(/<!--.*?-->|!\[[^\]]*\]\([^)]*\)/g, '')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/`[^`]*`/g, 'CODE')
    .replaceAll(/\*\*?|\|/g, (mark) => (mark === '|' ? '\n\n' : ''))
    .replaceAll(/^ *(?:[-*]|\d+\.|#+|>) /gm, '\n\n')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replaceAll(/\s+/g, ' ').trim())
}

/** The same for mdoc(7): what a macro marks is one word, and each item of a list or cell is a paragraph. */
export function proseOfManual(text: string): string[] {
  return text
    .replaceAll(/^\.\\".*\n/gm, '')
    .replaceAll(/^\.Bd -literal[\s\S]*?^\.Ed$|^\.Sh SYNOPSIS\n[\s\S]*?(?=^\.Sh )/gm, '\n')
    .replaceAll(/^\.It\b.*|^\.(?:Sh|Ss|Pp|Bl|El|Dl|Dd|Dt|Os|Nd)\b.*$/gm, '\n')
    .replaceAll(
      /^\.\w+ .*?((?: [.,;:)])*)$|^\.\w+$/gm,
      (_, marks = '') => `CODE${String(marks).replaceAll(' ', '')}`,
    )
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replaceAll(/\s+/g, ' ').trim())
}

/**
 * The sentences in the comments of the sources. A comment begins a line, or follows code
 * and has no quote in it: so no text of a program is taken for one.
 */
export function proseOfComments(): Sentence[] {
  const src = join(root, 'src')
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:ts|c|h)$/.test(name))
    .flatMap((name) =>
      commentsIn(readFileSync(join(src, name), 'utf8')).map((comment) => ({ name, comment })),
    )
    .flatMap(({ name, comment }) => sentencesOf(`src/${name}`, proseOfMarkdown(comment)))
}

/** The texts of the comments in a source; lines of `//` that follow one another are one comment. */
export function commentsIn(source: string): string[] {
  const own = source.match(/^[ \t]*\/\*[\s\S]*?\*\/|^(?:[ \t]*\/\/.*\n)+/gm) ?? []
  const trailing = [...source.matchAll(/^.*\S \/[/*] ([^'"`\n]*?)(?: \*\/)?$/gm)].map(
    ([, text]) => text!,
  )
  const texts = own.map((comment) =>
    comment.replaceAll(/^[ \t]*(?:\/\*+|\*\/|\*(?!\/)|\/\/) ?|[ \t]*\*\/$/gm, ''),
  )
  return [...texts, ...trailing].filter((text) => !text.startsWith('biome-ignore'))
}

/** The texts in quotes with at least two words: messages, help, replies and names of tests. */
export function textsIn(source: string): string[] {
  const code = source
    .replaceAll(/^[ \t]*\/\*[\s\S]*?\*\/|^[ \t]*\/\/.*/gm, '')
    .replaceAll(/ \/[/*] [^'"`\n]*$/gm, '')
  return [...code.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)]
    .map(([, single, double, template]) => single ?? double ?? template!)
    .map((text) => text.replaceAll(/\$\{[^}]*\}/g, 'X'))
    .filter((text) => /[A-Za-z]{2}[,:;]? [a-z]/.test(text))
}

/** The messages of the programs: all texts in their sources. src/mail/mime has names and notes for its own use. */
export function messages(): Sentence[] {
  return filesBelow('src', /^(?!src\/mail\/mime\/).*\.(?:ts|c|h|js)$/).flatMap((page) =>
    textsIn(read(page)).map((text) => ({ page, text })),
  )
}

/** Scripts, units and samples of packages, and what runs the checks, with their comments and messages. */
export function scriptTexts(): Sentence[] {
  const paths = [
    ...filesBelow('packaging/shipped', /./),
    ...filesBelow('debian', /[./]p(?:re|ost)\w+$/),
    ...filesBelow('bin', /^bin\/[\w.-]+$/),
    ...['.ci', '.githooks', '.github'].flatMap((place) => filesBelow(place, /./)),
  ]
  return paths.flatMap((page) =>
    read(page)
      .replaceAll(/\n[ \t]*(?:#|\/\/|dnl|\*) /g, ' ')
      .replaceAll(/\bhow(?:=|: )"?\w+/g, '') // a label of the metrics
      .split('\n')
      .map((text) => ({ page, text })),
  )
}

function filesBelow(place: string, form: RegExp): string[] {
  return readdirSync(join(root, place), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => form.test(path))
}

function sentencesOf(page: string, paragraphs: readonly string[]): Sentence[] {
  return paragraphs
    .flatMap((paragraph) => paragraph.split(/(?<=[.!?]["')\]]?) (?=[A-Z"'([])/))
    .filter((text) => wordsIn(text) > 0)
    .map((text) => ({ page, text }))
}
