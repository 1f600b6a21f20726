import { dirname } from 'node:path'
import { componentOf, sourceFiles } from './source-files.ts'

/**
 * How deep the modules of src/ are: `npm run measures` prints it for the whole of src/ and for each component,
 * and with the name of a component (`-- delay`) also what is behind the figures. No test fails by them: a
 * change that makes a figure better and the code worse is not made.
 */

/** Under this many lines a file with one importer is hardly more than a function of that. */
const SMALL = 25

/** A name that a file exports, with the files of src/ that use it. */
interface ExportedName {
  readonly file: string
  readonly name: string
  readonly users: readonly string[]
}

const files = sourceFiles.map((file) => ({ ...file, lines: file.text.split('\n').length - 1 }))
type MeasuredFile = (typeof files)[number]
const exported = findUsers()
const importers = findImporters()

const [wanted] = process.argv.slice(2)
const components = [...new Set(files.map(({ path }) => componentOf(path)))]
const chosen =
  wanted === undefined
    ? ['src', ...components]
    : components.filter((component) => component === componentOf(`${wanted}/`))

if (chosen.length === 0) throw new Error(`${wanted}: is no component of src/`)
table(chosen.map(measure))
if (wanted !== undefined) tellDetails(wanted)

function findUsers(): ExportedName[] {
  const users = new Map<string, Set<string>>()
  for (const { path, uses } of files) {
    for (const { from, name } of uses) {
      const key = `${from} ${name}`
      users.set(key, (users.get(key) ?? new Set()).add(path))
    }
  }
  return files.flatMap(({ path, exports }) =>
    exports.map((name) => ({ file: path, name, users: [...(users.get(`${path} ${name}`) ?? [])] })),
  )
}

/** Each file with those that import anything from it. */
function findImporters(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    files.map(({ path }) => [
      path,
      files.filter(({ imports }) => imports.includes(path)).map((file) => file.path),
    ]),
  )
}

/** Folders in a component: `scanner/doors/milter`, `delay/gate`, `scanner/log`. */
function folderOf(path: string): string {
  const depth = componentOf(path).split('/').length + 1
  return dirname(path).split('/').slice(0, depth).join('/')
}

function inComponent(path: string, component: string): boolean {
  return component === 'src' || componentOf(path) === component
}

function hasOneImporter({ path }: MeasuredFile): boolean {
  return importers.get(path)!.length === 1
}

function measure(component: string): Record<string, string | number> {
  const here = files.filter(({ path }) => inComponent(path, component))
  const names = exported.filter(({ file }) => inComponent(file, component))
  const lines = here.reduce((sum, file) => sum + file.lines, 0)
  const crossing = names.filter(({ file, users }) =>
    users.some((user) => folderOf(user) !== folderOf(file)),
  )
  const single = here.filter(hasOneImporter)
  return {
    component,
    files: here.length,
    lines,
    'lines a file': Math.round(lines / here.length),
    exports: names.length,
    'for 1,000 lines': Math.round((names.length / lines) * 1000),
    'with one user': names.filter(({ users }) => users.length === 1).length,
    'with none': names.filter(({ users }) => users.length === 0).length,
    types: here.reduce((sum, file) => sum + file.types.length, 0),
    'cross components': crossing.length,
    'one importer': single.length,
    [`under ${SMALL} lines`]: single.filter((file) => file.lines < SMALL).length,
  }
}

function table(rows: readonly Record<string, string | number>[]): void {
  const heads = Object.keys(rows[0]!)
  const cells = [heads, ...rows.map((row) => heads.map((head) => String(row[head])))]
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  for (const row of cells) {
    const padded = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    )
    process.stdout.write(`${padded.join('  ')}\n`)
  }
}

/** Names with one user or none, and files with one importer, of a component or folder. */
function tellDetails(folder: string): void {
  const isHere = (path: string) => path.startsWith(`${folder}/`)
  process.stdout.write('\nfiles with one importer\n')
  for (const file of files.filter((file) => isHere(file.path) && hasOneImporter(file))) {
    process.stdout.write(`  ${file.path} (${file.lines}): ${importers.get(file.path)}\n`)
  }
  process.stdout.write('\nnames with one user, or none in src\n')
  for (const { file, name, users } of exported) {
    if (isHere(file) && users.length < 2) {
      process.stdout.write(`  ${file} ${name}: ${users[0] ?? '-'}\n`)
    }
  }
}
