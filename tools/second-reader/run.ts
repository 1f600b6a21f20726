import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { withEnding } from '../../test/programs/host/server.ts'
import { newTally, runAttacks, runBench, type Tally } from './bench.ts'
import { openRig } from './rig.ts'
import { linesOf } from './tell.ts'

/**
 * By hand: `npm run bench:differential -- --count 100000 --seed 1`. Prints what was seen, the
 * faults last; ends with 1 where there are any.
 */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    /** Faulty messages are written there, as FILE.1 and so on. */
    write: { type: 'string' },
  },
})
const order = { count: Number(values.count), seed: Number(values.seed) }
if (!Number.isSafeInteger(order.count) || !Number.isSafeInteger(order.seed)) {
  process.stderr.write('--count and --seed must be whole numbers\n')
  process.exit(100)
}

await withEnding(async (t) => {
  const rig = await openRig(t)
  process.stdout.write(`seed ${order.seed}\n`)
  const known = newTally()
  await runAttacks(rig, known)
  report('known attacks', known)
  const progress = (tally: Tally) =>
    process.stderr.write(`${tally.messages} messages, ${tally.faults.length} faults\n`)
  report('made messages', await runBench(rig, { ...order, progress }))
})

function report(title: string, tally: Tally): void {
  process.stdout.write(`\n${title}\n`)
  for (const line of linesOf(tally)) process.stdout.write(`${line}\n`)
  if (tally.faults.length > 0) process.exitCode = 1
  const { write } = values
  if (write)
    for (const [i, { message }] of tally.faults.entries())
      writeFileSync(`${write}.${i + 1}`, message)
}
