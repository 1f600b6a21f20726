import { parseArgs } from 'node:util'
import { withEnding } from '../../test/programs/host/server.ts'
import { linesOf, newResult, runLoad } from './load.ts'
import { openLoadRig, runtimes } from './rig.ts'

/**
 * By hand: `npm run bench:truth -- --count 10000 --at-once 20 --most 10M`. As many messages on
 * each runtime; ends with 1 where anything was wrong.
 */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    'at-once': { type: 'string', default: '20' },
    /** MiB. */
    most: { type: 'string', default: '10' },
    /** `Node` or `compiled`; else both. */
    runtime: { type: 'string' },
  },
})
const number = (name: 'count' | 'at-once' | 'most') => {
  const value = Number(values[name])
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`--${name} must be a whole number\n`)
  process.exit(100)
}
const load = { count: number('count'), atOnce: number('at-once'), most: number('most') * 1024 ** 2 }
const PART = 500

for (const { name, program } of runtimes) {
  if (values.runtime !== undefined && values.runtime !== name) continue
  await withEnding(async (t) => {
    const doors = await openLoadRig(t, program)
    const result = newResult()
    for (let first = 0; first < load.count; first += PART) {
      const count = Math.min(PART, load.count - first)
      await runLoad(doors, { ...load, count, first }, result)
      process.stderr.write(`${name}: ${result.messages} messages, ${result.wrong.length} wrong\n`)
    }
    process.stdout.write(`${name}\n`)
    for (const line of linesOf(result)) process.stdout.write(`  ${line}\n`)
    if (result.wrong.length > 0) process.exitCode = 1
  })
}
