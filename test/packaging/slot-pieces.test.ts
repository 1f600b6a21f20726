import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** What the compiled slot is made of: packaging/builds/build-bundles.mjs, bundleInPieces(). */

const directory = join(import.meta.dirname, '../../build/slot')
const pieces = new Map(
  readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
)

/** The pieces that are loaded with one, without those that an import() loads later. */
function loadedWith(name: string, known = new Set<string>()): Set<string> {
  if (known.has(name)) return known
  known.add(name)
  const text = pieces.get(name)!
  for (const [, next] of text.matchAll(/^(?:import|\} from) "\.\/([^"]+)"/gm)) {
    loadedWith(next!, known)
  }
  return known
}

/** Our own modules in these pieces, by the comment that esbuild puts above each. */
function modulesIn(names: Iterable<string>): Set<string> {
  const texts = [...names].map((name) => pieces.get(name)!)
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/^\/\/ (src\/\S+)$/gm)].map(([, path]) => path!)),
  )
}

t.test(
  'no module of the slot is wrapped in a function, which each start would make and call',
  async (t) => {
    t.ok(modulesIn(pieces.keys()).size > 150)
    const wrapped = [...pieces.values()].flatMap((text) => text.match(/^ {2}"src\/\S+"\(/gm) ?? [])
    t.same(wrapped, [])
  },
)

/**
 * Upper limit for the bytes of code that each message loads. Modules are not counted: one that is split in two costs
 * nothing. The commit of a change that needs more states the reason.
 */
const BYTES_MOST = 430_000

t.test('before it reads a message, onescan-queue evaluates what all mail needs', async (t) => {
  const loaded = loadedWith('onescan-queue.mjs')
  const atStart = modulesIn(loaded)
  const needed = [
    'scanner/doors/slot/standalone/receive',
    'scanner/scan/judge/judge',
    'scanner/scan/scanners/run/run-scanners',
  ]
  for (const path of needed) t.ok(atStart.has(`src/${path}.ts`), path)
  const bytes = [...loaded].reduce((sum, name) => sum + Buffer.byteLength(pieces.get(name)!), 0)
  t.ok(bytes > 0 && bytes <= BYTES_MOST, `${bytes} bytes`)
  const rare = [
    'rules/parse-rules',
    'judge/judge-by-rules',
    'scanners/run/look-inside',
    'scanners/programs/command',
  ]
  for (const path of rare) t.notOk(atStart.has(`src/scanner/scan/${path}.ts`), path)
})
