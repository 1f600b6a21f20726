import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import type { HistoryStep } from '../observe/live/history.ts'
import { colours, noColours } from '../observe/log/describe-record.ts'
import { eventsOf, getJson, type LiveServer, readLiveServer } from '../observe/top/live-server.ts'
import {
  describeDecision,
  type LiveDecision,
  type LiveReport,
  renderScreen,
} from '../observe/top/screen.ts'
import { forTerminal } from './shared/for-terminal.ts'
import { jsonLine } from './shared/json-report.ts'
import { type Output, runCommand } from './shared/run-command.ts'
import { takesColours } from './shared/takes-colours.ts'
import { writeOut } from './shared/write-out.ts'

interface TopOptions {
  place: string
  token?: string
  json: boolean
}

/** The address at which onescand listens with --http in the documents. */
const USUAL_PLACE = 'http://127.0.0.1:9808'
/** The number of decisions that are kept for the screen. */
const KEPT = 200

/** `onescan top`: shows what a running onescand does. */
export const topCommand: CommandModule<object, TopOptions> = {
  command: 'top [place]',
  describe: 'Show what onescand does now',
  builder: (yargs) =>
    yargs
      .positional('place', {
        type: 'string',
        default: USUAL_PLACE,
        describe: 'Address of onescand --http: http://ADDRESS:PORT or unix:PATH',
      })
      .option('token', {
        type: 'string',
        requiresArg: true,
        describe: 'The file of onescand --http-token',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'Print JSON, one line for each decision',
      })
      .example('$0 top', 'A live view; Ctrl-C ends it')
      .example('$0 top unix:/run/onescand/http.sock | grep reject', 'One line for each decision')
      .epilogue(
        'If standard output is not a terminal, it prints one line for each decision.',
      ) as never,
  handler: (args) => runCommand('top', args, (output) => top(args, output)),
}

async function top(args: ArgumentsCamelCase<TopOptions>, { error }: Output): Promise<number> {
  const place = readLiveServer(args.place, args.token)
  if (args.json) return printLines(place, asJson, error)
  if (process.stdout.isTTY) return showScreen(place)
  return printLines(place, (decided) => `${describeDecision(decided, noColours, oneLine)}\n`, error)
}

/** Prints all decisions. If they came too fast, it says how many are missing. */
async function printLines(
  place: LiveServer,
  lineOf: (decided: LiveDecision) => string,
  warn: (text: string) => void,
): Promise<number> {
  let newest: number | undefined
  for await (const event of eventsOf(place, '/decisions')) {
    const { decided } = event as Pick<LiveReport, 'decided'>
    const missed = missedBefore(decided, newest)
    if (missed > 0)
      warn(`${missed} decisions are missing here: they came faster than onescand could send them`)
    newest = decided.at(-1)?.number ?? newest
    await writeOut(decided.map(lineOf).join(''))
  }
  return 0
}

/** How many decisions are missing before these. onescand numbers them from 1 on since its start. */
function missedBefore(decided: readonly LiveDecision[], newest: number | undefined): number {
  const [first, last] = [decided[0], decided.at(-1)]
  if (!first || !last) return 0
  const before = newest === undefined ? first.number - 1 : newest < first.number ? newest : 0
  return Math.max(0, last.number - before - decided.length)
}

/** A decision in the form of "onescan log --json". */
function asJson({ time, fields }: LiveDecision): string {
  return jsonLine('top', { time: new Date(time).toISOString(), ...fields })
}

const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'

async function showScreen(place: LiveServer): Promise<number> {
  const first = (await getJson(place, '/data.json')) as LiveReport & { steps: HistoryStep[] }
  const steps = new Map(first.steps.map((step) => [step.start, step]))
  let decided: readonly LiveDecision[] = first.decided
  const paint = takesColours() ? colours : noColours

  const show = (live: LiveReport) => {
    const { columns: width = 80, rows: height = 24 } = process.stdout
    const days = [...steps.values()].filter(({ start }) => start > live.now - 86_400_000)
    const form = { paint, width, height, clean: oneLine }
    const lines = renderScreen(place.text, live, days, decided, form)
    const text = lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')
    return writeOut(`${HOME}${text}${CLEAR_BELOW}`)
  }

  const leave = () => {
    process.stdout.write(LEAVE)
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, leave)
  await writeOut(ENTER)
  try {
    await show(first)
    for await (const event of eventsOf(place)) {
      const live = event as LiveReport
      const newest = decided.at(-1)?.number ?? 0
      decided = [...decided, ...live.decided.filter(({ number }) => number > newest)].slice(-KEPT)
      const hasMissed = live.newest > (decided.at(-1)?.number ?? 0)
      if (hasMissed) decided = ((await getJson(place, '/data.json')) as LiveReport).decided
      if (live.step) steps.set(live.step.start, live.step)
      await show(live)
    }
  } finally {
    await writeOut(LEAVE)
  }
  return 0
}

/** Makes text one line that is harmless in a terminal. */
function oneLine(text: string): string {
  return forTerminal(text.replace(/[\n\t]/g, ' '))
}
