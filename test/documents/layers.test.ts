import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { componentOf, sourceFiles } from '../../tools/documents/source-files.ts'

/** The layers of doc/development/design.md, which its components are on, and what the source imports. */

const src = join(import.meta.dirname, '../../src')
const page = readFileSync(join(src, '../doc/development/design.md'), 'utf8')
const layers = readLayers(page)
const inner = readInnerLayers(page)
/** Files below src/, each with those of them that it imports. */
type Imports = ReadonlyMap<string, readonly string[]>
const imports: Imports = new Map(sourceFiles.map(({ path, imports }) => [path, imports]))
/** Components, each with the number of its layer, from the top. */
type Layers = ReadonlyMap<string, number>

t.test('every component is on one layer, and no other component is named', async (t) => {
  t.ok(imports.size > 300, 'the sources were found')
  t.same([...layers.keys()].sort(), [...new Set([...imports.keys()].map(componentOf))].sort())
})

t.test(
  'doc/development/design.md names every component of src/, and every component of test/ that has no namesake there',
  async (t) => {
    for (const component of layers.keys()) {
      t.match(page, `\`src/${component.endsWith('.ts') ? component : `${component}/`}\``)
    }
    const tests = join(src, '../test')
    const directories = readdirSync(tests, { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )
    for (const { name } of directories) {
      if (!existsSync(join(src, name))) t.match(page, `\`test/${name}/\``)
    }
  },
)

t.test(
  'a component imports from the layers below it alone, and so does a folder in it',
  async (t) => {
    t.same(wrongArrows(imports, layers), [])
    t.same(wrongArrows(imports, inner, folderOf), [])
  },
)

t.test('delay imports lib alone, and quotad nothing that scans', async (t) => {
  const componentsUsedBy = (component: string) => {
    const own = [...imports].filter(([file]) => componentOf(file) === component)
    return [...new Set(own.flatMap(([, targets]) => targets.map(componentOf)))].sort()
  }
  t.same(componentsUsedBy('delay'), ['delay', 'lib'])
  t.same(componentsUsedBy('quotad'), ['lib', 'mail', 'protocol', 'quotad', 'settings'])
})

/** What other components import of the reading of mail. All but the first are loaded when they are first needed. */
const entrances = new Set(
  ['index', 'contents', 'archives/archive-members', 'archives/member-names', 'headers/names'].map(
    (name) => `mail/mime/${name}.ts`,
  ),
)

t.test('the reading of mail is imported through its interface', async (t) => {
  const isInside = (file: string) => file.startsWith('mail/mime/')
  const used = [...imports]
    .filter(([file]) => !isInside(file))
    .flatMap(([file, targets]) => targets.filter(isInside).map((target) => ({ file, target })))
  const wrong = used.filter(({ target }) => !entrances.has(target))
  t.same(wrong, [])
  t.same(new Set(used.map(({ target }) => target)), entrances, 'each of these files is imported')
})

t.test('every folder of a component with its own layers is on one of them', async (t) => {
  const components = new Set([...inner.keys()].map((folder) => folder.split('/')[0]))
  t.ok(components.size > 2, 'these components were found')
  const folders = [...imports.keys()]
    .filter((file) => components.has(file.split('/')[0]))
    .map(folderOf)
  t.same([...inner.keys()].sort(), [...new Set(folders)].sort())
})

t.test('tests import no tools, except those of tools and of pages about them', async (t) => {
  const tests = join(src, '../test')
  const others = globSync('!(tools|documents)/**/*.{ts,mjs}', {
    cwd: tests,
    exclude: (path) => /node_modules/.test(path),
  })
  t.ok(others.length > 300, 'the tests were found')
  const wrong = others.filter((path) =>
    /from '(?:\.\.\/)+tools\//.test(readFileSync(join(tests, path), 'utf8')),
  )
  t.same(wrong, [])
})

t.test('no file imports itself by way of others', async (t) => {
  t.same(circles(imports), [])
})

t.test('no folder imports itself by way of others', async (t) => {
  t.same(circles(betweenFolders(imports)), [])
})

t.test('an arrow upward, from interface to interface or round in a circle is found', async (t) => {
  const upward = new Map([
    ['mail/message/message.ts', ['scanner/scan/judge/judge.ts', 'base/settings/read-settings.ts']],
  ])
  t.same(wrongArrows(upward, layers), ['mail/message/message.ts imports scan/judge/judge.ts'])
  const within = new Map([['mail/message/message.ts', ['mail/mime/contents.ts']]])
  t.same(wrongArrows(within, layers), [])
  t.equal(wrongArrows(within, inner, folderOf).length, 1)
  const sideways = new Map([
    ['scanner/doors/milter/milter-door.ts', ['scanner/doors/slot/socket/request.ts']],
  ])
  t.same(wrongArrows(sideways, inner, folderOf), [
    'doors/milter/milter-door.ts imports doors/slot/socket/request.ts',
  ])
  const round = new Map([...imports, ['mail/message/spool.ts', ['mail/message/named-copy.ts']]])
  t.match(circles(round), [/message\/named-copy\.ts.*message\/spool\.ts/])
  const upstairs = new Map([
    ...imports,
    ['scanner/scan/scanners/clamd/fail-over.ts', ['scanner/scan/scanners/make-scanners.ts']],
  ])
  t.match(circles(betweenFolders(upstairs)), [/^scan\/scanners, scan\/scanners\/clamd$/])
})

function readLayers(text: string): Layers {
  const found = new Map<string, number>()
  for (const [, number, components] of text.matchAll(/^([0-9]+)\. (`[a-z-].*`)$/gm)) {
    for (const [, component] of components!.matchAll(/`([^`]+)`/g)) {
      if (!found.has(component!)) found.set(component!, Number(number))
    }
  }
  return found
}

/** The layers of folders within a component, from the top: `scan/judge` above `scan/verdicts`. */
function readInnerLayers(text: string): Layers {
  const found = new Map<string, number>()
  for (const [, component, list] of text.matchAll(/^- in `([a-z]+)`: (.*)$/gm)) {
    for (const [number, folders] of list!.split(';').entries()) {
      for (const [, folder] of folders.matchAll(/`([^`]+)`/g))
        found.set(`${component}/${folder}`, number)
    }
  }
  return found
}

/** `scan/judge` for all files below it. */
const folderOf = (file: string): string => file.split('/').slice(0, 2).join('/')

/** The arrows that do not lead downward; between folders only within one component. */
function wrongArrows(all: Imports, of: Layers, placeOf = componentOf): string[] {
  return [...all].flatMap(([file, targets]) => {
    const wrong = targets.filter((target) => {
      const [from, to] = [placeOf(file), placeOf(target)]
      const isCompared =
        placeOf === componentOf ||
        (of.has(from) && of.has(to) && componentOf(file) === componentOf(target))
      return isCompared && from !== to && !(of.get(from)! < of.get(to)!)
    })
    return wrong.map((target) => `${file} imports ${target}`)
  })
}

/** Folders, each with the others that its own files import from. */
function betweenFolders(all: Imports): Imports {
  const found = new Map<string, Set<string>>()
  for (const [file, targets] of all) {
    const folder = dirname(file)
    const others = targets.map(dirname).filter((other) => other !== folder)
    found.set(folder, new Set([...(found.get(folder) ?? []), ...others]))
  }
  return new Map([...found].map(([folder, others]) => [folder, [...others]]))
}

/** Each as the files or folders on its way, of those that are met first. */
function circles(all: Imports): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const way: string[] = []

  function follow(file: string): void {
    const start = way.indexOf(file)
    if (start >= 0) found.push(way.slice(start).sort().join(', '))
    if (start >= 0 || done.has(file)) return
    way.push(file)
    for (const target of all.get(file) ?? []) follow(target)
    way.pop()
    done.add(file)
  }

  for (const file of all.keys()) follow(file)
  return found
}
