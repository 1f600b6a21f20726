import { existsSync, globSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NATIVE } from '../../../tools/bench/contestants.ts'
import { ROOMS, roomOf } from '../../../tools/bench/profile/rooms.ts'
import { runScript } from '../../../tools/bench/run-script.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { clamdMissing } from '../../programs/servers/clamd.ts'

const root = join(import.meta.dirname, '../../..')
const skip = clamdMissing || (!existsSync(join(NATIVE, 'onescand')) && 'run npm run build:native')

t.test(
  'each room of the source has files, and no file of the scanner is in the rest',
  async (t) => {
    const rest = ROOMS.at(-1)!.title
    const files = globSync('src/{base,mail,scanner}/**/*.ts', { cwd: root })
    const used = new Set(files.map(roomOf))
    for (const { title, folders } of ROOMS) {
      const isOfSource = folders.some((folder) => folder.startsWith('src/'))
      if (isOfSource) t.ok(used.has(title), title)
      for (const folder of folders) {
        if (isOfSource)
          t.ok(
            files.some((file) => file.startsWith(folder)),
            folder,
          )
      }
    }
    // What runs beside mail, and the commands.
    const beside = /^src\/scanner\/(?:cli|daemon|options|readiness|plugin\.ts)/
    t.strictSame(
      files.filter((file) => roomOf(file) === rest && !beside.test(file)),
      [],
    )
  },
)

t.test('the CPU time of a message is divided by room and by thread', { skip }, async (t) => {
  const folder = join(openDirectory(t), 'folder')
  mkdirSync(folder)
  for (let n = 0; n < 340; n++) {
    writeFileSync(join(folder, `${n}`), `From: ann@example.org\nSubject: ${n}\n\nMinutes ${n}.\n`)
  }
  const bench = (words: readonly string[]) =>
    runScript(join(root, 'tools/bench/profile/run.ts'), [...words, '--warm-up', '300', folder])

  const byRoom = await bench([])
  t.equal(byRoom.code, 0, byRoom.out)
  t.match(byRoom.out, '40 mails through the milter, after 300.')
  const rows = ROOMS.map(({ title }) => cellsOf(byRoom.out, title))
  for (const column of [0, 1, 2, 3]) {
    const sum = rows.reduce((sum, cells) => sum + cells[column]!, 0)
    t.ok(Math.abs(sum - 100) < 1, `all shares of column ${column}: ${sum}`)
  }
  // Of the 40 after the warm-up the profiler has few samples.
  const [never, , byDefault] = cellsOf(byRoom.out, 'read the header')
  t.ok(never! > 0 && byDefault! > 0)

  const byThread = await bench(['--programs', NATIVE])
  t.equal(byThread.code, 0, byThread.out)
  const all = cellsOf(byThread.out, 'all')
  t.equal(all.length, 8)
  for (const [column, ms] of cellsOf(byThread.out, 'main').entries()) {
    t.ok(ms > 0 && ms <= all[column]!, `${ms} of ${all[column]}`)
  }
  t.equal((await runScript(join(root, 'tools/bench/profile/run.ts'), [])).code, 100)
})

function cellsOf(out: string, title: string): number[] {
  const row = out.split('\n').find((line) => line.startsWith(`| ${title} |`))
  return row!.split('|').slice(2, -1).map(Number)
}
