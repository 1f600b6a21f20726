import t from 'tap'
import { isStrange, type Trait, traits } from '../../src/scan/second-look/trait-names.ts'
import { readPage, section } from './man-page.ts'

t.test('onescan-second-look(7) has the traits of the program, in its order', async (t) => {
  const text = section(readPage('onescan-second-look.7'), 'TRAITS')
  const written = [...text.matchAll(/^\.It ([a-z0-9-]+)(\*?)\n(.*)\.$/gm)].map(
    ([, name, mark, what]) => [name, mark === '*', what!.toLowerCase()],
  )
  const known = (Object.keys(traits) as Trait[]).map((name) => {
    return [name, isStrange(name), traits[name].what.toLowerCase()]
  })
  t.same(written, known)
})
