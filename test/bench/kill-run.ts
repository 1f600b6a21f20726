// `npm run bench:kill`: 2,000 messages through onescanc while it and onescand are killed with
// signal 9; doc/benchmark.md explains it.
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { clamdMissing } from '../programs/clamd.ts'
import { NATIVE } from './contestants.ts'
import { isSound, underFire } from './under-fire.ts'

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '2000' },
    programs: { type: 'string', default: NATIVE },
    spool: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  },
})
if (clamdMissing) throw new Error(clamdMissing)
const aftermath = await underFire({ ...values, messages: Number(values.messages), atOnce: 8 })
const { tally, outcomes, unscanned, killed, cold, seconds } = aftermath
const { messages, accepted, lost, twice, damaged, uncalled, strange } = tally
process.stdout.write(`${messages} messages, 8 at a time, in ${seconds.toFixed(1)} s
killed with signal 9: ${killed.daemons} daemons with their workers, ${killed.workers} workers alone, ${killed.clients} clients
${Object.entries(outcomes)
  .map(([what, number]) => `  ${String(number).padStart(5)} ${what}\n`)
  .join('')}\
${cold} messages went cold
queued: ${accepted} accepted; lost ${lost}, twice ${twice}, damaged ${damaged}, queued and not accepted ${uncalled}, strange ${strange}
queued without a scan: ${unscanned}
${isSound(aftermath) ? 'sound' : 'NOT SOUND'}
`)
process.exitCode = isSound(aftermath) ? 0 : 1
