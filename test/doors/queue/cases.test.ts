import t from 'tap'
import { allCases } from '../../cases/all.ts'
import { play } from './play.ts'
import { runtimes } from './slot.ts'

for (const { name, program } of runtimes) {
  t.test(`the slot ${name}`, { jobs: 2 }, async (t) => {
    for (const each of allCases) {
      t.test(each.name, (t) => play(t, each, () => ({ program })))
    }
  })
}
