// `npm run bench:cold`: what a message costs without onescand, compared with another version.
//
//     npm run bench:cold -- --over old/build/native --limit 240 phishing_pot/email
//
// Each mail goes through onescan-queue by default, with SECONDLOOK=never, and through the onescan-queue in the directory
// of --over. They take turns, with a batch of mails one at a time, and each has a clamd of its own; each round has a
// field that clamd does not know. The output is the time until the mail is queued and the processor time of the
// program, and their ratios to those of the other version for the same mail: the median of the rounds, the least and
// the most.
//
// With --limit N: 240 by default, evenly spread over all. With --rounds N: 3 by default, after one that warms up with
// fewer. With --many-signatures: a clamd with a database of real size. With --programs DIR: the compiled programs in DIR
// (build/native).
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { withEnding } from '../../../test/programs/host/server.ts'
import { clamdMissing, startClamd } from '../../../test/programs/servers/clamd.ts'
import { compiled } from '../compile.ts'
import { NATIVE } from '../contestants.ts'
import { manySignatures, oneSignature } from '../databases.ts'
import type { Passage } from '../drive.ts'
import { describeMachine, machineText } from '../machine.ts'
import { evenly, inRound, mailsIn } from '../ordinary/mails.ts'
import { medianOf, withRange } from '../report.ts'
import { type Slot, sendToSlot } from '../slot.ts'
import { openWorkshop, SPOOL } from '../workshop.ts'

/** Mails of a turn, and before the first round. */
const BATCH = 20

const { values, positionals: places } = parseArgs({
  allowPositionals: true,
  options: {
    over: { type: 'string' },
    limit: { type: 'string', default: '240' },
    rounds: { type: 'string', default: '3' },
    'many-signatures': { type: 'boolean', default: false },
    programs: { type: 'string', default: NATIVE },
  },
})
const [limit, rounds] = [Number(values.limit), Number(values.rounds)]
if (places.length === 0 || values.over === undefined || !(limit >= 1) || !(rounds >= 1)) {
  process.stderr.write(
    'usage: npm run bench:cold -- --over DIR [--limit N] [--rounds N] [--many-signatures] [--programs DIR] PLACE...\n',
  )
  process.exit(100)
}
if (clamdMissing) throw new Error(clamdMissing)
const [programs, other] = [resolve(values.programs), resolve(values.over)]
const database = values['many-signatures'] ? manySignatures() : oneSignature
const mails = evenly(
  places.flatMap((place) => mailsIn(place, false)),
  limit,
)
const workshop = openWorkshop(SPOOL, SPOOL)
process.once('exit', workshop.remove)
const machine = machineText(describeMachine(workshop.directory))
print(`${machine}; clamd with ${database.name}; ${mails.length} mails.\n`)

await withEnding(async (t) => {
  const slotOf = async (directory: string, settings: Readonly<Record<string, string>>) => {
    const setup = { parent: SPOOL, alertExceedsMax: true, database: database.files }
    const environment = workshop.environment(await startClamd(t, setup))
    const chain = { QUEUECHAIN: compiled('sink') }
    const program = join(directory, 'onescan-queue')
    return { program, environment: { ...environment, ...chain, ...settings } } satisfies Slot
  }
  const slots = [
    ['default', await slotOf(programs, {})],
    ['never', await slotOf(programs, { SECONDLOOK: 'never' })],
    ['other', await slotOf(other, {})],
  ] as const
  const play = async (messages: readonly Buffer[]) => {
    const passages = slots.map((): Passage[] => [])
    for (let at = 0; at < messages.length; at += BATCH) {
      for (const [index, [, slot]] of slots.entries()) {
        const sent = await sendToSlot(slot, messages.slice(at, at + BATCH), workshop, 1)
        passages[index]!.push(...sent)
      }
    }
    return passages
  }
  await play(inRound(mails.slice(0, BATCH), 0))
  const played: Passage[][][] = []
  for (let round = 1; round <= rounds; round++) played.push(await play(inRound(mails, round)))

  print(
    '| onescan-queue | ms a mail | CPU, ms | ms over other: median (least to most) | CPU over other | accepted |',
  )
  print('| --- | ---: | ---: | ---: | ---: | ---: |')
  for (const [index, [name]] of slots.entries()) {
    const both = (['ms', 'cpu'] as const).map((part) => {
      const times = played.map((round) => round.map((way) => way.map((mail) => mail[part])))
      const own = medianOf(times.flatMap((round) => round[index]!)).toFixed(2)
      const ratios = times.map((round) =>
        medianOf(round[index]!.map((time, mail) => time / round.at(-1)![mail]!)),
      )
      return [own, withRange(ratios)] as const
    })
    const taken = played.flatMap((round) => round[index]!.filter(({ accepted }) => accepted))
    const cells = [name, ...both.map(([own]) => own), ...both.map(([, ratio]) => ratio)]
    print(`| ${[...cells, taken.length].join(' | ')} |`)
  }
})

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
