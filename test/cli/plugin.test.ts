import { readdirSync } from 'node:fs'
import t from 'tap'
import { onescan } from './onescan.ts'

t.test('plugin new writes a plugin and its test, and names them', async (t) => {
  const directory = t.testdir({})
  const { code, out } = await onescan(['plugin', 'new', 'macros', '--directory', directory])
  t.equal(code, 0)
  t.same(readdirSync(directory), ['macros.test.ts', 'macros.ts'])
  t.match(out, `${directory}/macros.ts\n`)
  const again = await onescan(['plugin', 'new', 'macros', '--directory', directory])
  t.match(again, { code: 2, err: /exists/ })
})

t.test('plugin alone is no command', async (t) => {
  t.equal((await onescan(['plugin'])).code, 2)
})
