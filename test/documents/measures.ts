import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * How deep the modules of src/ are: `npm run measures` prints it for the whole of src/ and for each room,
 * and with the name of a room (`-- delay`) also what stands behind the figures. No test fails by them: a
 * change that makes a figure better and the code worse is not made.
 */

const root = join(import.meta.dirname, '../..')
/** Under so many lines a file with one importer is hardly more than a function of that. */
const SMALL = 25

/** A source file, with what it imports by name from which file. */
interface SourceFile {
  readonly path: string
  readonly lines: number
  readonly exports: readonly string[]
  readonly types: number
  readonly uses: readonly { readonly from: string; readonly name: string }[]
  /** Files that it imports anything from. */
  readonly imports: ReadonlySet<string>
}

/** A name that a file exports, with the files of src/ that use it. */
interface ExportedName {
  readonly file: string
  readonly name: string
  readonly users: readonly string[]
}

const files = globSync('src/**/*.ts', { cwd: root }).sort().map(readSource)
const exported = findUsers()
const importers = findImporters()

const [wanted] = process.argv.slice(2)
const rooms = [...new Set(files.map(({ path }) => roomOf(path)))]
const chosen =
  wanted === undefined ? ['src', ...rooms] : rooms.filter((room) => room === wanted.split('/')[0])

if (chosen.length === 0) throw new Error(`${wanted}: is no room of src/`)
table(chosen.map(measure))
if (wanted !== undefined) tellDetails(wanted)

/** A file of which only those names count that stand at the beginning of a line, as formatted code has them. */
function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8')
  const declared = matches(
    text,
    /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|interface|type|const|let) ([\w$]+)/gm,
  )
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) =>
    namesOf(list!).map(({ as }) => as),
  )
  const types = matches(text, /^(?:export )?(?:declare )?(?:interface|type) ([\w$]+)[ <]/gm)
  const uses = usesIn(text).map(({ from, name }) => ({ from: join(dirname(path), from), name }))
  return {
    path,
    lines: text.split('\n').length - 1,
    exports: [...new Set([...declared, ...listed])],
    types: types.length,
    uses,
    imports: new Set(uses.map(({ from }) => from)),
  }
}

/** What a text imports, or exports anew. The name of a whole module is that of each member that it names. */
function usesIn(text: string): { from: string; name: string }[] {
  const lists = text.matchAll(/^(?:import|export) (?:type )?\{([^}]*)\} from '(\.[^']+)'/gm)
  const named = [...lists].flatMap(([, list, from]) =>
    namesOf(list!).map(({ name }) => ({ from: from!, name })),
  )
  const modules = text.matchAll(/^import \* as ([\w$]+) from '(\.[^']+)'/gm)
  const members = [...modules].flatMap(([, module, from]) =>
    matches(text, new RegExp(`\\b${module}\\.([\\w$]+)`, 'g')).map((name) => ({
      from: from!,
      name,
    })),
  )
  const late = text.matchAll(/(?:\{([^}]*)\} = )?\(?await import\('(\.[^']+)'\)\)?(?:\.([\w$]+))?/g)
  const awaited = [...late].flatMap(([, list, from, member]) =>
    (list === undefined ? [member ?? ''] : namesOf(list).map(({ name }) => name)).map((name) => ({
      from: from!,
      name,
    })),
  )
  const bare = matches(text, /^import '(\.[^']+)'/gm).map((from) => ({ from, name: '' }))
  return [...named, ...members, ...awaited, ...bare]
}

/** The names of `{ a, type B, c as d, e: f }`, each with the one that it has there. */
function namesOf(list: string): { name: string; as: string }[] {
  const entries = list.split(',').map((entry) => entry.trim().replace(/^type /, ''))
  return entries
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [name, as] = entry.split(/ as |: /)
      return { name: name!, as: as ?? name! }
    })
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name]) => name!)
}

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
      files.filter(({ imports }) => imports.has(path)).map((file) => file.path),
    ]),
  )
}

/** Folders of two levels below src/: `doors/milter`, `delay/gate`, `rules`. */
function folderOf(path: string): string {
  return dirname(path).split('/').slice(1, 3).join('/')
}

function roomOf(path: string): string {
  return path.split('/').slice(1, -1)[0] ?? 'src/*.ts'
}

function inRoom(path: string, room: string): boolean {
  return room === 'src' || roomOf(path) === room
}

function hasOneImporter({ path }: SourceFile): boolean {
  return importers.get(path)!.length === 1
}

function measure(room: string): Record<string, string | number> {
  const here = files.filter(({ path }) => inRoom(path, room))
  const names = exported.filter(({ file }) => inRoom(file, room))
  const lines = here.reduce((sum, file) => sum + file.lines, 0)
  const crossing = names.filter(({ file, users }) =>
    users.some((user) => folderOf(user) !== folderOf(file)),
  )
  const single = here.filter(hasOneImporter)
  return {
    room,
    files: here.length,
    lines,
    'lines a file': Math.round(lines / here.length),
    exports: names.length,
    'for 1,000 lines': Math.round((names.length / lines) * 1000),
    'with one user': names.filter(({ users }) => users.length === 1).length,
    'with none': names.filter(({ users }) => users.length === 0).length,
    types: here.reduce((sum, file) => sum + file.types, 0),
    'cross rooms': crossing.length,
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

/** Names with one user or none, and files with one importer, of a room or folder. */
function tellDetails(folder: string): void {
  const isHere = (path: string) => path.startsWith(`src/${folder}/`)
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
