import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promises } from './promises.ts'

/** Which tests show a promise of doc/security.md. As a program it prints the list: `npm run promises`. */

const root = join(import.meta.dirname, '../..')

/** A test by its title, which may be made up of parts in a template; '' if none is there. */
export interface Evidence {
  readonly promise: string
  readonly file: string
  readonly line: number
  readonly title: string
}

/** One for each promise that a line `// promise: WORD, WORD` above a test names. */
export function findEvidence(): Evidence[] {
  const files = globSync('test/**/*.ts', { cwd: root, exclude: ['**/node_modules'] }).sort()
  return files.flatMap((file) => evidenceIn(file, readFileSync(join(root, file), 'utf8')))
}

function evidenceIn(file: string, source: string): Evidence[] {
  const lines = source.split('\n')
  return lines.flatMap((text, index) => {
    const words = /^\s*\/\/ promise: (.+)$/.exec(text)?.[1]?.split(', ') ?? []
    const title = titleIn(lines.slice(index + 1, index + 3).join('\n'))
    return words.map((promise) => ({ promise, file, line: index + 1, title }))
  })
}

/** The title that these lines begin with: that of a test, of a case, or of a row of a table. */
function titleIn(lines: string): string {
  const form = /^\s*(?:(?:await )?t\.test\(|name:|const how = \w+ \?|\[)?\s*(['"`])(.+?)\1/
  return form.exec(lines)?.[2] ?? ''
}

if (process.argv[1] === import.meta.filename) {
  const evidence = findEvidence()
  for (const [chapter, words] of Object.entries(promises)) {
    process.stdout.write(`\n${chapter}\n`)
    for (const [word, promise] of Object.entries(words)) {
      process.stdout.write(`\n  ${promise}\n`)
      for (const { file, line, title } of evidence.filter((found) => found.promise === word)) {
        process.stdout.write(`    ${file}:${line}: ${title}\n`)
      }
    }
  }
}
