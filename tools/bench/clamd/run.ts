// `npm run bench:clamd`: what a client of clamd waits for onescan in its place.
//
//     npm run bench:clamd -- --many-signatures --programs build/native
//
// Letters that all differ go to clamd, and to the clamd interface of an onescand with a clamd of its own, by FILDES
// (fildes.c), each on a connection of its own: batches in turns, the same to both. The output is the time until the
// answer, the median of onescan's over clamd's for each letter, and the processor time of all, with a row for letters
// eight at a time. Ratios have the median of the rounds, the least and the most.
//
// A second table has files (files.ts): processor time, and the questions that the clamd behind onescand gets for each.
//
// With --rounds N: 3 by default, after one that warms up, and letters until hot code is compiled. With --quick: few letters.
// With --files: files alone.
// With --many-signatures: a clamd with a database of real size. With --programs DIR: the compiled programs in DIR.
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { cpuOfTree } from '../../../test/programs/host/process-tree.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { clamdMissing, startClamd } from '../../../test/programs/servers/clamd.ts'
import { compiled } from '../compile.ts'
import { manySignatures, oneSignature } from '../databases.ts'
import { FORMS } from '../letters.ts'
import { describeMachine, machineText } from '../machine.ts'
import { startOnescand } from '../onescand.ts'
import { medianOf, withRange } from '../report.ts'
import { openWorkshop, SPOOL } from '../workshop.ts'
import { FILES } from './files.ts'

/** Letters of the first form until the hot code of onescand is compiled; and with --quick. */
const WARM_UP = 1500
const WARM_UP_QUICK = 100

/** The forms that are sent, and the one of which eight are on their way at once. */
const SENT = ['4 KB text', '100 KB file', '5 MB file']
const AT_ONCE_FORM = '100 KB file'
const AT_ONCE = 8
/** Turns of a form in a round; and with --quick. */
const TURNS = 5
const TURNS_QUICK = 1

/** A line of clamd's log about a scan. */
const QUESTION = /(?:^|-> )(?:instream|fd\[)/

/** A form in a round: milliseconds of each letter, and of processor time in all. */
interface Measured {
  readonly clamd: readonly number[]
  readonly onescan: readonly number[]
  readonly cpu: { readonly alone: number; readonly onescand: number; readonly behind: number }
  /** What the clamd behind onescand was asked, for each. */
  readonly questions: number
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    quick: { type: 'boolean', default: false },
    files: { type: 'boolean', default: false },
    'many-signatures': { type: 'boolean', default: false },
    programs: { type: 'string', default: join(import.meta.dirname, '../../../bin') },
  },
})
const rounds = Number(values.rounds)
if (!(rounds >= 1)) {
  process.stderr.write(
    'usage: npm run bench:clamd -- [--rounds N] [--quick] [--files] [--many-signatures] [--programs DIR]\n',
  )
  process.exit(100)
}
if (clamdMissing) throw new Error(clamdMissing)
const program = join(resolve(values.programs), 'onescand')
const turnsOfRound = values.quick ? TURNS_QUICK : TURNS
const database = values['many-signatures'] ? manySignatures() : oneSignature
const workshop = openWorkshop(SPOOL, SPOOL)
process.once('exit', workshop.remove)
print(`${machineText(describeMachine(workshop.directory))}; clamd with ${database.name}.\n`)

await withEnding(async (t) => {
  const setup = {
    parent: SPOOL,
    alertExceedsMax: true,
    logClean: true,
    database: database.files,
  }
  const [alone, behind] = [await startClamd(t, setup), await startClamd(t, setup)]
  const socket = join(workshop.directory, 'clamd.sock')
  const options = ['--workers', '1', '--clamd', `unix:${socket}`]
  const { directory } = workshop
  const environment = workshop.environment(behind)
  const onescand = await startOnescand(t, [program], 'onescan', directory, environment, options)

  const used = () => [alone.pid, onescand.pid, behind.pid].map(cpuOfTree)
  const questions = () => behind.log.filter((line) => QUESTION.test(line)).length
  const measure = async (
    { make }: { readonly make: (serial: number) => string | Buffer },
    count: number,
    atOnce: number,
  ): Promise<Measured> => {
    const ms: { clamd: number[]; onescan: number[] } = { clamd: [], onescan: [] }
    const [before, asked] = [used(), questions()]
    for (let turn = 0; turn < turnsOfRound; turn++) {
      const files = workshop.write(Array.from({ length: count }, (_, serial) => make(serial)))
      ms.clamd.push(...(await ask(alone.socket, files, atOnce)))
      ms.onescan.push(...(await ask(socket, files, atOnce)))
    }
    const [ofAlone, ofOnescand, ofBehind] = used().map((now, index) => now - before[index]!)
    const each = (questions() - asked) / (count * turnsOfRound)
    return {
      ...ms,
      cpu: { alone: ofAlone!, onescand: ofOnescand!, behind: ofBehind! },
      questions: each,
    }
  }

  const forms = FORMS.filter(({ name }) => SENT.includes(name))
  const warmUp = values.quick ? WARM_UP_QUICK : WARM_UP
  await measure(forms[0]!, Math.ceil(warmUp / turnsOfRound), 1)
  const measured = new Map<string, Measured[]>()
  for (let round = 0; round <= rounds && !values.files; round++) {
    for (const form of forms) {
      const turns = [[form.name, await measure(form, form.oneAtATime, 1)] as const]
      if (form.name === AT_ONCE_FORM) {
        const several = await measure(form, form.eightAtATime, AT_ONCE)
        turns.push([`${form.name}, ${AT_ONCE} at a time`, several])
      }
      for (const [name, turn] of turns) {
        if (round > 0) measured.set(name, [...(measured.get(name) ?? []), turn])
      }
    }
  }
  if (!values.files) report(measured)
  const files = new Map<string, Measured[]>()
  for (let round = 0; round <= rounds; round++) {
    for (const form of FILES) {
      const turn = await measure(form, form.count, 1)
      if (round > 0) files.set(form.name, [...(files.get(form.name) ?? []), turn])
    }
  }
  reportFiles(files)
})

/** Has each file scanned. Returns the milliseconds of each, or of all if several are on their way at once. */
async function ask(socket: string, files: readonly string[], atOnce: number): Promise<number[]> {
  const start = performance.now()
  const lanes = Array.from({ length: atOnce }, (_, lane) =>
    files.filter((_file, index) => index % atOnce === lane),
  )
  const answers = await Promise.all(
    lanes.map((own) => promisify(execFile)(compiled('fildes'), [socket, ...own])),
  )
  if (atOnce > 1) return [performance.now() - start]
  return answers[0]!.stdout.trimEnd().split('\n').map(Number)
}

function report(measured: ReadonlyMap<string, readonly Measured[]>): void {
  const head = ['clamd, ms', 'onescan, ms', 'onescan over clamd: median (least to most)']
  const processor = ['clamd', 'onescand', 'clamd behind it', 'both over clamd']
  const titles = ['letters', ...head, ...processor.map((name) => `CPU: ${name}`)]
  print(`| ${titles.join(' | ')} |\n| --- |${' ---: |'.repeat(titles.length - 1)}`)
  for (const [name, turns] of measured) {
    const times = (['clamd', 'onescan'] as const).map((who) =>
      medianOf(turns.flatMap((turn) => turn[who])),
    )
    const wall = turns.map(({ clamd, onescan }) =>
      medianOf(onescan.map((ms, index) => ms / clamd[index]!)),
    )
    const cpu = (['alone', 'onescand', 'behind'] as const).map((who) =>
      medianOf(turns.map((turn) => turn.cpu[who])),
    )
    const over = turns.map(({ cpu: { alone, onescand, behind } }) => (onescand + behind) / alone)
    const [shown, used] = [times.map((ms) => ms.toFixed(2)), cpu.map((ms) => ms.toFixed(0))]
    print(`| ${[name, ...shown, withRange(wall), ...used, withRange(over)].join(' | ')} |`)
  }
}

function reportFiles(measured: ReadonlyMap<string, readonly Measured[]>): void {
  const titles = ['clamd', 'onescand', 'clamd behind it', 'both over clamd', 'questions']
  print(`\n| files | ${titles.join(' | ')} |\n| --- |${' ---: |'.repeat(titles.length)}`)
  for (const [name, turns] of measured) {
    const { count } = FILES.find((form) => form.name === name)!
    const cpu = (['alone', 'onescand', 'behind'] as const).map((who) =>
      medianOf(turns.map((turn) => turn.cpu[who] / (count * turnsOfRound))),
    )
    const over = turns.map(({ cpu: { alone, onescand, behind } }) => (onescand + behind) / alone)
    const asked = medianOf(turns.map(({ questions }) => questions))
    const shown = [...cpu.map((ms) => ms.toFixed(2)), withRange(over), asked.toFixed(1)]
    print(`| ${[name, ...shown].join(' | ')} |`)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
