import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { componentOf, sourceFiles } from '../../tools/documents/source-files.ts'

/** The boxes of src/ and their arrows, the layers that their READMEs list, and what the source imports. */

const src = join(import.meta.dirname, '../../src')
/** The boxes, each with those that it may import. */
const boxes: Readonly<Record<string, readonly string[]>> = {
  base: [],
  mail: ['base'],
  scanner: ['base', 'mail'],
  quota: ['base'],
  delay: ['base'],
}
const readmes = new Map(
  Object.keys(boxes).map((box) => [box, readFileSync(join(src, box, 'README.md'), 'utf8')]),
)
const layers = readLayers(readmes.get('scanner')!)
const inner: Layers = new Map(
  [...readmes].flatMap(([box, text]) => [...readInnerLayers(box, text)]),
)
/** Files below src/, each with those of them that it imports. */
type Imports = ReadonlyMap<string, readonly string[]>
const imports: Imports = new Map(sourceFiles.map(({ path, imports }) => [path, imports]))
/** Components, each with the number of its layer, from the top. */
type Layers = ReadonlyMap<string, number>

t.test('every file is in a box, which imports as its README states', async (t) => {
  t.ok(imports.size > 300, 'the sources were found')
  t.same([...new Set([...imports.keys()].map(boxOf))].sort(), Object.keys(boxes).sort())
  for (const [box, text] of readmes) {
    const [, line = ''] = /^- \*\*May import\*\*: (.*)$/m.exec(text) ?? []
    const named = [...line.matchAll(/`([a-z]+)`/g)].map(([, name]) => name!)
    t.same(named, boxes[box], box)
  }
  t.same(wrongBoxes(imports), [])
})

t.test('every folder of the scanner is on one layer', async (t) => {
  const folders = [...imports.keys()].map(componentOf).filter((name) => name.startsWith('scanner/'))
  t.same([...layers.keys()].sort(), [...new Set(folders)].sort())
})

t.test('READMEs name every folder, and testing.md those of tests without a box', async (t) => {
  for (const folder of new Set([...layers.keys(), ...inner.keys()])) {
    const [box, ...rest] = folder.split('/')
    const name = rest.join('/')
    t.match(readmes.get(box!), `\`${name.endsWith('.ts') ? name : `${name}/`}\``)
  }
  const page = readFileSync(join(src, '../doc/development/testing.md'), 'utf8')
  const tests = join(src, '../test')
  const directories = readdirSync(tests, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )
  for (const { name } of directories) {
    if (!existsSync(join(src, name))) t.match(page, `\`test/${name}/\``)
  }
})

t.test(
  'a component imports from the layers below it alone, and so does a folder in it',
  async (t) => {
    t.same(wrongArrows(imports, layers), [])
    t.same(wrongArrows(imports, inner, folderOf), [])
  },
)

/** What other components import of the reading of mail. All but the first are loaded when they are first needed. */
const ofReading = [
  'index',
  'contents',
  'archives/archive-members',
  'archives/member-names',
  'headers/names',
  'headers/readable',
].map((name) => `mail/mime/${name}.ts`)

t.test('mail/mime/ is imported through its entrances', async (t) => {
  const isInside = (file: string) => file.startsWith('mail/mime/')
  const used = [...imports]
    .filter(([file]) => !isInside(file))
    .flatMap(([file, targets]) => targets.filter(isInside).map((target) => ({ file, target })))
  const wrong = used.filter(({ target }) => !ofReading.includes(target))
  t.same(wrong, [])
  t.same(new Set(used.map(({ target }) => target)), new Set(ofReading), 'each is imported')
})

t.test('every folder of a component with its own layers is on one of them', async (t) => {
  const components = new Set([...inner.keys()].map(dirname))
  t.ok(components.size > 2, 'these components were found')
  const folders = [...imports.keys()]
    .filter((file) => components.has(componentOf(file)))
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
  const outside = new Map([
    ['mail/message/message.ts', ['base/bytes/lines.ts', 'scanner/scan/judge/judge.ts']],
    ['delay/plan/plan.ts', ['quota/lookup.ts']],
  ])
  t.same(wrongBoxes(outside), [
    'mail/message/message.ts imports scanner/scan/judge/judge.ts',
    'delay/plan/plan.ts imports quota/lookup.ts',
  ])
  const upward = new Map([['scanner/log/log-sink.ts', ['scanner/handling/handle-mail.ts']]])
  t.same(wrongArrows(upward, layers), [
    'scanner/log/log-sink.ts imports scanner/handling/handle-mail.ts',
  ])
  const within = new Map([['mail/message/message.ts', ['mail/mime/contents.ts']]])
  t.same(wrongArrows(within, layers), [])
  t.equal(wrongArrows(within, inner, folderOf).length, 1)
  const sideways = new Map([
    ['scanner/doors/milter/milter-door.ts', ['scanner/doors/slot/socket/request.ts']],
  ])
  t.same(wrongArrows(sideways, inner, folderOf), [
    'scanner/doors/milter/milter-door.ts imports scanner/doors/slot/socket/request.ts',
  ])
  const round = new Map([...imports, ['mail/message/spool.ts', ['mail/message/named-copy.ts']]])
  t.match(circles(round), [/message\/named-copy\.ts.*message\/spool\.ts/])
  const upstairs = new Map([
    ...imports,
    ['scanner/scan/scanners/clamd/fail-over.ts', ['scanner/scan/scanners/make-scanners.ts']],
  ])
  t.match(circles(betweenFolders(upstairs)), [
    /^scanner\/scan\/scanners, scanner\/scan\/scanners\/clamd$/,
  ])
})

function readLayers(text: string): Layers {
  const found = new Map<string, number>()
  for (const [, number, components] of text.matchAll(/^([0-9]+)\. (`[a-z-].*`)$/gm)) {
    for (const [, component] of components!.matchAll(/`([^`]+)`/g)) {
      const name = `scanner/${component}`
      if (!found.has(name)) found.set(name, Number(number))
    }
  }
  return found
}

/** The layers of folders within a component, from the top: `scanner/scan/judge` above `scanner/scan/verdicts`. */
function readInnerLayers(box: string, text: string): Layers {
  const found = new Map<string, number>()
  for (const [, component, list] of text.matchAll(/^- in `([a-z]+)`: (.*)$/gm)) {
    for (const [number, folders] of list!.split(';').entries()) {
      for (const [, folder] of folders.matchAll(/`([^`]+)`/g))
        found.set(`${box === component ? box : `${box}/${component}`}/${folder}`, number)
    }
  }
  return found
}

/** `scanner/scan/judge` for all files below it, and `base/path`. */
const folderOf = (file: string): string =>
  file
    .split('/')
    .slice(0, componentOf(file).split('/').length + 1)
    .join('/')

function boxOf(file: string): string {
  return file.split('/')[0]!
}

/** The imports of a box that may not import the other. */
function wrongBoxes(all: Imports): string[] {
  return [...all].flatMap(([file, targets]) =>
    targets
      .filter((target) => boxOf(target) !== boxOf(file))
      .filter((target) => !boxes[boxOf(file)]!.includes(boxOf(target)))
      .map((target) => `${file} imports ${target}`),
  )
}

/** The arrows that do not lead downward; between folders only within one component. */
function wrongArrows(all: Imports, of: Layers, placeOf = componentOf): string[] {
  return [...all].flatMap(([file, targets]) => {
    const wrong = targets.filter((target) => {
      const [from, to] = [placeOf(file), placeOf(target)]
      const isCompared =
        of.has(from) &&
        of.has(to) &&
        (placeOf === componentOf || componentOf(file) === componentOf(target))
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
