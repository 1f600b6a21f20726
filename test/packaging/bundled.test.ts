import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { bundled } from '../../packaging/builds/bundled.mjs'

/** The list that a fresh clone installs by, before anything is built: npm run try. */

const root = join(import.meta.dirname, '../..')

/** What the runtime brings, and what is looked for when it runs. */
const notBundled = new Set(builtinModules)

/** Static, of a stylesheet, and at run time: of a package, not of a file. */
const IMPORT = /(?:^import\b[^'";]*|^} from |^@import |\bimport\()["']([^."'][^"']*)["']/gm

t.test(
  'every package that a source imports is in packaging/builds/bundled.mjs, and no other',
  async (t) => {
    const imported = new Set<string>()
    for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(ts|js|css)$/.test(file)) continue
      const source = readFileSync(join(root, 'src', file), 'utf8')
      for (const [, name] of source.matchAll(IMPORT)) {
        const [first = '', second] = name!.split('/')
        const bare = first.startsWith('@') ? `${first}/${second}` : first
        if (!bare.startsWith('node:') && !notBundled.has(bare)) imported.add(bare)
      }
    }
    t.same([...imported].sort(), [...bundled].sort())
  },
)
