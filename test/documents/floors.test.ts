import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { roomOf, sourceFiles } from './source-files.ts'

/** The floors of doc/design.md, which its rooms stand on, and what the source imports. */

const src = join(import.meta.dirname, '../../src')
const page = readFileSync(join(src, '../doc/design.md'), 'utf8')
const floors = readFloors(page)
const inner = readInnerFloors(page)
/** Files below src/, each with those of them that it imports. */
type Imports = ReadonlyMap<string, readonly string[]>
const imports: Imports = new Map(sourceFiles.map(({ path, imports }) => [path, imports]))
/** Rooms, each with the number of its floor, from the top. */
type Floors = ReadonlyMap<string, number>

t.test('every room stands on one floor, and no other room is named', async (t) => {
  t.ok(imports.size > 300, 'the sources were found')
  t.same([...floors.keys()].sort(), [...new Set([...imports.keys()].map(roomOf))].sort())
})

t.test(
  'doc/design.md names every room of src/, and every room of test/ that has no namesake there',
  async (t) => {
    for (const room of floors.keys()) {
      t.match(page, `\`src/${room.endsWith('.ts') ? room : `${room}/`}\``)
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

t.test('a room imports from the floors below it alone, and so does a folder in it', async (t) => {
  t.same(wrongArrows(imports, floors), [])
  t.same(wrongArrows(imports, inner, folderOf), [])
})

t.test('delay imports ground alone, and quotad no door', async (t) => {
  const roomsUsedBy = (room: string) => {
    const own = [...imports].filter(([file]) => roomOf(file) === room)
    return [...new Set(own.flatMap(([, targets]) => targets.map(roomOf)))].sort()
  }
  t.same(roomsUsedBy('delay'), ['delay', 'ground'])
  t.same(roomsUsedBy('quotad'), ['ground', 'mail', 'protocol', 'quotad', 'scan'])
})

t.test('every folder of a room with floors of its own stands on one of them', async (t) => {
  const rooms = new Set([...inner.keys()].map((folder) => folder.split('/')[0]))
  t.ok(rooms.size > 2, 'these rooms were found')
  const folders = [...imports.keys()].filter((file) => rooms.has(file.split('/')[0])).map(folderOf)
  t.same([...inner.keys()].sort(), [...new Set(folders)].sort())
})

t.test('no file imports itself by way of others', async (t) => {
  t.same(circles(imports), [])
})

t.test('no folder imports itself by way of others', async (t) => {
  t.same(circles(betweenFolders(imports)), [])
})

t.test('an arrow upward, from door to door or round in a circle is found', async (t) => {
  const upward = new Map([
    ['mail/message/message.ts', ['scan/judge/judge.ts', 'ground/settings/settings.ts']],
  ])
  t.same(wrongArrows(upward, floors), ['mail/message/message.ts imports scan/judge/judge.ts'])
  const within = new Map([['mail/message/message.ts', ['mail/mime/contents.ts']]])
  t.same(wrongArrows(within, floors), [])
  t.equal(wrongArrows(within, inner, folderOf).length, 1)
  const sideways = new Map([['doors/milter/door.ts', ['doors/slot-socket/frames.ts']]])
  t.same(wrongArrows(sideways, floors), [
    'doors/milter/door.ts imports doors/slot-socket/frames.ts',
  ])
  const round = new Map([...imports, ['mail/message/spool.ts', ['mail/message/named-copy.ts']]])
  t.match(circles(round), [/message\/named-copy\.ts.*message\/spool\.ts/])
  const upstairs = new Map([
    ...imports,
    ['scan/scanners/clamd/ask-in-turn.ts', ['scan/scanners/scanners.ts']],
  ])
  t.match(circles(betweenFolders(upstairs)), [/^scan\/scanners, scan\/scanners\/clamd$/])
})

function readFloors(text: string): Floors {
  const found = new Map<string, number>()
  for (const [, number, rooms] of text.matchAll(/^([0-9]+)\. (`[a-z-].*`)$/gm)) {
    for (const [, room] of rooms!.matchAll(/`([^`]+)`/g)) {
      if (!found.has(room!)) found.set(room!, Number(number))
    }
  }
  return found
}

/** The floors of folders within a room, from the top: `scan/judge` above `scan/verdicts`. */
function readInnerFloors(text: string): Floors {
  const found = new Map<string, number>()
  for (const [, room, list] of text.matchAll(/^- in `([a-z]+)`: (.*)$/gm)) {
    for (const [number, folders] of list!.split(';').entries()) {
      for (const [, folder] of folders.matchAll(/`([^`]+)`/g))
        found.set(`${room}/${folder}`, number)
    }
  }
  return found
}

/** `scan/judge` for all files below it. */
const folderOf = (file: string): string => file.split('/').slice(0, 2).join('/')

/** The arrows that do not lead downward; between folders only within one room. */
function wrongArrows(all: Imports, of: Floors, placeOf = roomOf): string[] {
  return [...all].flatMap(([file, targets]) => {
    const wrong = targets.filter((target) => {
      const [from, to] = [placeOf(file), placeOf(target)]
      const isCompared =
        placeOf === roomOf || (of.has(from) && of.has(to) && roomOf(file) === roomOf(target))
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
