import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { installLocked } from '../../../packaging/toolchain/install-locked.mjs'
import { askBuilt } from '../../../tools/mutants/built.mjs'
import { lacks } from '../../needs.mjs'

const root = join(import.meta.dirname, '../../..')

t.test(
  'a change of what only a built program runs is noticed by a test that starts it',
  { skip: lacks('git') },
  async (t) => {
    installLocked(join(root, 'tools/mutants'))
    const place = join(root, 'build/mutants/built-test')
    mkdirSync(place, { recursive: true })
    const file = 'src/scanner/scan/scanners/file-plugin/plugin-host.ts'
    const results = await askBuilt({
      sample: [{ file, first: 47, last: 60 }],
      tests: ['test/scanner/scan/scanners/file-plugin/man-page.test.ts'],
      place,
    })
    t.ok(results.includes('noticed'), results.join())
  },
)
