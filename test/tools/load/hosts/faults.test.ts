import t from 'tap'
import { faults } from '../../../../tools/load/hosts/faults.ts'
import { openRig } from '../../../../tools/load/hosts/hosts.ts'
import { runUnder } from '../../../../tools/load/hosts/under-faults.ts'
import { linesOf } from '../../../../tools/load/load.ts'
import { missing } from '../../../../tools/load/short.ts'
import { storeMissing } from '../../../programs/servers/store-server.ts'

/** The short form of `npm run bench:faults`. */

t.test(
  'whatever fails between two hosts: no message is lost, doubled, altered, wrongly clean or refused',
  { skip: missing || storeMissing },
  async (t) => {
    const rig = await openRig(t, 'alone')
    const well = await runUnder(rig, 120)
    t.same(well.wrong, [])
    t.equal(well.deferred, 0)
    t.ok(well.known > 0, 'copies are known')
    for (const fault of faults) {
      const trouble = fault.missing?.(rig)
      if (trouble !== undefined) {
        t.comment(`${fault.name}: ${trouble}`)
        continue
      }
      const result = await runUnder(rig, 24, fault, 400)
      t.comment([fault.name, ...linesOf(result)].join('\n'))
      t.same(result.wrong, [], fault.name)
    }
    const again = await runUnder(rig, 60)
    t.same(again.wrong, [])
    t.equal(again.deferred, 0, 'and all is well then')
  },
)
