import t from 'tap'
import { setUpsOfPrograms, setUpsOfSettings } from './set-ups.ts'
import { trySetUps } from './try-set-ups.ts'

t.test('the table has 53 set-ups, each by its own name', async (t) => {
  const all = [...setUpsOfPrograms, ...setUpsOfSettings]
  t.equal(new Set(all.map(({ name }) => name)).size, 53)
})

trySetUps(setUpsOfPrograms)
