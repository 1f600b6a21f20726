import { parseArgs } from 'node:util'
import { openDirectory } from '../../../test/programs/host/reachable.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { linesOf } from '../load.ts'
import { faults } from './faults.ts'
import { openRig } from './hosts.ts'
import type { StoreKind } from './stores.ts'
import { runUnder } from './under-faults.ts'

/**
 * By hand: `npm run bench:faults -- --mixed 5000 --under 1500 --store alone,tls,sentinel`.
 * Mixed mail by two hosts that share a store, first with all well, then under each fault; with a
 * store that is not alone, under those of the store. Ends with 1 if a message was lost, doubled,
 * altered, wrongly clean or wrongly refused.
 */
const { values } = parseArgs({
  options: {
    mixed: { type: 'string', default: '5000' },
    under: { type: 'string', default: '1500' },
    store: { type: 'string', default: 'alone,tls,sentinel' },
    /** A word of the fault's name. */
    fault: { type: 'string', default: '' },
  },
})
const print = (line: string) => process.stdout.write(`${line}\n`)

for (const kind of values.store.split(',') as StoreKind[]) {
  await withEnding(async (t) => {
    const directory = openDirectory(t)
    const rig = await openRig({ ...t, testdir: () => directory } as never, kind)
    const measure = async (name: string, count: number, fault?: (typeof faults)[number]) => {
      const result = await runUnder(rig, count, fault)
      print(`${kind}: ${name}`)
      for (const line of linesOf(result)) print(`  ${line}`)
      if (result.wrong.length > 0) process.exitCode = 1
    }
    await measure('nothing is wrong', Number(values.mixed))
    for (const fault of faults) {
      if ((kind !== 'alone' && !fault.ofStore) || !fault.name.includes(values.fault)) continue
      const missing = fault.missing?.(rig)
      if (missing === undefined) await measure(fault.name, Number(values.under), fault)
      else print(`${kind}: ${fault.name}: not tried, ${missing}`)
    }
  })
}
process.exit()
