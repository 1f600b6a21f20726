import t from 'tap'
import { clamdMissing, startClamd } from '../programs/clamd.ts'
import { findProgram } from '../programs/install.mjs'
import { type Contestant, contestants } from './contestants.ts'
import { prove } from './prove.ts'
import { openWorkshop } from './workshop.ts'

const skip = clamdMissing || (!findProgram('cc') && 'install Debian package gcc')

t.test('contestants', { skip, jobs: 1 }, async (t) => {
  const clamd = await startClamd()
  t.teardown(clamd.stop)
  const workshop = openWorkshop()
  t.teardown(workshop.remove)
  const environment = workshop.environment(clamd)
  const named = (name: string): Contestant =>
    contestants().find((contestant) => contestant.name === name)!

  for (const name of ['bare', 'floor', 'sh', 'cold']) {
    const contestant = named(name)
    t.test(
      `${contestant.label} does its work`,
      { skip: contestant.missing ?? false },
      async (t) => {
        t.same(await prove(contestant, environment, workshop), [])
      },
    )
  }

  t.test('a contestant that does not scan is found out', async (t) => {
    const lazy = { ...named('floor'), program: named('bare').program }
    t.match(await prove(lazy, environment, workshop), [/^infected mail: .*X-QHPSI missing/])
  })

  t.test('a contestant that does not trust a stamp is found out', async (t) => {
    const keyless = { ...environment, CLUSTERKEYS: '' }
    const faults = await prove(named('cold'), keyless, workshop)
    t.match(faults, [/^clean mail: .*stamps 0, not .*stamps 1/])
  })

  t.test('no wrapper lets mail through that clamd did not scan', async (t) => {
    const deaf = { ...environment, CLAMD: '/nonexistent', CLAMD_CONF: '/nonexistent' }
    for (const name of ['floor', 'sh', 'cold']) {
      const faults = await prove(named(name), deaf, workshop)
      t.match(faults[0], /^clean mail: exit code (56|71|82)\b.*out came nothing/, name)
    }
  })
})
