import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { byCheckout, byNpm, byPackage, byRepository } from '../../tools/first-hour/installs.ts'
import { walks } from '../../tools/first-hour/steps.ts'

/** `npm run first-hour` types what is on the pages, and reports the results. */

const root = join(import.meta.dirname, '../..')

const all = Object.entries(walks).flatMap(([server, { walk, removed }]) => [
  { name: server, steps: [...walk(byPackage), ...removed] },
  { name: `${server} and apt`, steps: walk(byRepository) },
  { name: `${server} from a checkout`, steps: walk(byCheckout) },
  { name: `${server} and npm`, steps: walk(byNpm) },
])

for (const { name, steps } of all) {
  t.test(
    `commands typed in the first hour with ${name} are on its page, to the letter`,
    async (t) => {
      const read = steps.filter((step) => 'page' in step)
      t.ok(read.length >= 4, 'most is typed by a page')
      for (const { page, type } of read)
        t.ok(readFileSync(join(root, page), 'utf8').includes(type), type)
      for (const step of steps) {
        const [, file] = ('self' in step && /\/(examples\/[\w./-]+)/.exec(step.self)) || []
        if (file) t.ok(readFileSync(join(root, 'packaging/shipped', file)).length > 0, file)
      }
    },
  )
}
