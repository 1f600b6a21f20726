import t, { type Test } from 'tap'
import {
  newTally,
  type Order,
  runAttacks,
  runBench,
  type Tally,
} from '../../../tools/second-reader/bench.ts'
import { openRig } from '../../../tools/second-reader/rig.ts'
import { linesOf } from '../../../tools/second-reader/tell.ts'
import { missing as noCompiler } from '../../c/onescanc/client.ts'
import { pythonMissing } from '../../programs/host/python.ts'
import { clamdMissing } from '../../programs/servers/clamd.ts'
import { isWhole } from '../../run/is-whole.ts'

/**
 * Messages of seeds that stay, so that a change fails by itself alone; `npm run bench:differential`
 * makes others. Where one shows a fault, all that is needed to make it again is printed.
 */
const orders: Readonly<Record<string, Order>> = {
  // promise: scanned-is-queued
  'mail through the slot socket is what others read in it': {
    count: isWhole ? 3000 : 150,
    seed: 10_000,
    doors: { socket: 1 },
    variants: { refuse: 1 },
  },
  // promise: no-edit-virus
  'tags of the slot socket are true, and mail that was not scanned has none': {
    count: isWhole ? 2000 : 100,
    seed: 20_000,
    doors: { socket: 1 },
    variants: { tag: 2, skip: 1 },
  },
  // promise: scanned-is-queued
  'mail through the milter is what others read in it': {
    count: isWhole ? 2500 : 150,
    seed: 30_000,
    doors: { milter: 1 },
    variants: { refuse: 1 },
  },
  // promise: no-edit-virus
  'tags of the milter are true, and mail that was not scanned has none': {
    count: isWhole ? 1600 : 100,
    seed: 40_000,
    doors: { milter: 1 },
    variants: { tag: 2, skip: 1 },
  },
  // promise: scanned-is-queued
  'mail through the slot itself is what others read in it': {
    count: isWhole ? 400 : 100,
    seed: 50_000,
    doors: { standalone: 1, client: 3 },
  },
  'mail through the SMTP door is what others read in it': {
    count: isWhole ? 1000 : 100,
    seed: 60_000,
    doors: { smtp: 1 },
    variants: { refuse: 4, tag: 1 },
  },
}

const skip = clamdMissing || pythonMissing || noCompiler

t.test('mail at all interfaces before one clamd', { skip }, async (t) => {
  const rig = await openRig(t)

  for (const [title, order] of Object.entries(orders)) {
    await t.test(title, async (t) => {
      const tally = await runBench(rig, order)
      t.comment(`seed ${order.seed}`)
      judge(t, tally)
      t.equal(tally.messages, order.count)
    })
  }

  // promise: no-edit-virus
  await t.test(
    'no interface passes mail that once carried a virus or a forged tag past it',
    async (t) => {
      const tally = newTally()
      await runAttacks(rig, tally, isWhole)
      judge(t, tally)
    },
  )
})

function judge(t: Test, tally: Tally): void {
  for (const line of linesOf(tally)) t.comment(line)
  t.equal(tally.faults.length, 0, [...linesOf(tally)].join('\n'))
  const of = (outcome: RegExp) =>
    [...tally.outcomes].reduce((sum, [what, count]) => (outcome.test(what) ? sum + count : sum), 0)
  t.ok(of(/^deferred unknown/) < tally.messages / 100, 'hardly any was unknown')
  t.ok(of(/^passed/) > tally.messages / 4, 'a good part was there to be read')
}
