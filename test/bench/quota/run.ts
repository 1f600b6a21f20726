// `npm run bench:quota`: answers a second of one onescan-quotad over UDP, driver included.
import { parseArgs } from 'node:util'
import { median } from '../statistics.ts'
import { type Figure, measure, startOver } from './measure.ts'

const { values } = parseArgs({
  options: {
    mailboxes: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
  },
})
const [mailboxes, seconds, rounds] = [values.mailboxes, values.seconds, values.rounds].map(Number)
const GOAL = 25_000

const ends: (() => unknown)[] = []
const host = { teardown: (end: () => unknown) => void ends.push(end) }
try {
  const quotad = await startOver(host, mailboxes!)
  const cold = measure(quotad, seconds!, mailboxes!)
  tell('first', cold)
  const figures: Figure[] = []
  for (let round = 1; round <= rounds!; round++) {
    const figure = measure(quotad, seconds!, mailboxes!)
    tell(`round ${round}`, figure)
    figures.push(figure)
  }
  const middle = median(figures.map(({ answersPerSecond }) => answersPerSecond))
  const sound = [cold, ...figures].every(({ wrong, lost }) => wrong === 0 && lost === 0)
  const reached = sound && middle >= GOAL
  say(`goal: at least ${GOAL} a second, all of them right: ${reached ? 'reached' : 'MISSED'}`)
  process.exitCode = reached ? 0 : 1
} finally {
  for (const end of ends.reverse()) await end()
}

function tell(what: string, { answersPerSecond, cpuPerAnswer, wrong, lost }: Figure): void {
  const rate = `${Math.round(answersPerSecond)} answers a second`
  say(`${what}: ${rate}, ${cpuPerAnswer.toFixed(1)} us each, ${wrong} wrong, ${lost} lost`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
