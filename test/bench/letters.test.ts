import t from 'tap'
import { EICAR } from '../../src/scan/shared/eicar-file.ts'
import { FORMS, makeLetter } from './letters.ts'

t.test('no two messages share a header, a text or a file', async (t) => {
  for (const { name, make } of FORMS) {
    const [one, other] = [make().split('\n\n'), make().split('\n\n')]
    t.equal(one.length, other.length, name)
    // What begins a forwarded mail's text is the same in all.
    const same = one.filter((part) => part.length > 100 && other.includes(part))
    t.same(same, [], name)
  }
})

t.test('messages have the sizes that their names tell', async (t) => {
  for (const { name, make } of FORMS) {
    const [, count, unit] = /^(\d+) (KB|MB)/.exec(name)!
    const size = Number(count) * (unit === 'KB' ? 1024 : 1024 * 1024)
    const made = make()
    t.ok(Math.abs(made.length / size - 1) < 0.15, `${name}: ${made.length}`)
    t.notMatch(made, /[^\n]{500}/, 'no line is too long')
  }
})

t.test('infected mail has the virus, and trusted mail a stamp', async (t) => {
  t.ok(makeLetter('infected').includes(EICAR))
  t.match(makeLetter('trusted'), /^X-SHA256-Cluster-1: /)
  t.notMatch(makeLetter('clean'), EICAR)
})
