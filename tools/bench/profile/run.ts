// `npm run bench:profile`: where the processor time of a message goes, from its first byte at the milter to its log line.
//
//     npm run bench:profile -- phishing_pot/email
//     npm run bench:profile -- --programs build/native --warm-up 3000 --limit 1000 phishing_pot/email
//
// Each file of a folder is a message, each mbox is split. They go through the milter of an onescand with one worker and a
// clamd with one signature, one after the other as Postfix sends them, by default and with SECONDLOOK=never. The first
// messages after the start are cold: the runtime has compiled nothing yet. Those after the warm-up are warm.
//
// On Node the output is the profiler's share of each room, with what the runtime does for it. The profiler takes time
// itself. With --programs DIR, the compiled programs in DIR: the processor time by thread, for the first, second and third
// hundred of messages, and for those after the warm-up.
//
// With --limit N: so many messages are measured after the warm-up (1000). With --warm-up N: so many come before (3000).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cpuByThread } from '../../../test/programs/host/process-tree.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { socketDirectory } from '../../../test/programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../test/programs/servers/clamd.ts'
import { startOnescand } from '../../../test/scanner/daemon/process.ts'
import { call, everything, negotiate, packets } from '../../../test/scanner/doors/milter/mta.ts'
import { submit } from '../../../test/scanner/doors/milter/submit.ts'
import { oneSignature } from '../databases.ts'
import { describeMachine, machineText } from '../machine.ts'
import { evenly, mailsIn } from '../ordinary/mails.ts'
import { SPOOL } from '../workshop.ts'
import { type Passed, profiledCommand, readProfiles } from './node-profile.ts'
import { ROOMS, roomOf } from './rooms.ts'

const USAGE =
  'usage: npm run bench:profile -- [--limit N] [--warm-up N] [--programs DIR] PLACE...\n'

const settingsOf = { never: { SECONDLOOK: 'never' }, default: {} } as const
type Way = keyof typeof settingsOf
const WAYS = ['never', 'default'] as const satisfies readonly Way[]

/** So many messages after a start are cold; they are measured hundred by hundred. */
const COLD = [100, 200, 300]
const LAST_COLD = COLD.at(-1)!

/** The least milliseconds of a message for which a thread is shown. */
const SHOWN = 0.01

const { values, positionals: places } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: 'string', default: '1000' },
    'warm-up': { type: 'string', default: '3000' },
    programs: { type: 'string' },
  },
})
const [limit, warmUp] = [Number(values.limit), Number(values['warm-up'])]
if (places.length === 0 || !(limit >= 1) || !(warmUp >= LAST_COLD)) {
  process.stderr.write(USAGE)
  process.exit(100)
}
if (clamdMissing) throw new Error(clamdMissing)
const all = places.flatMap((place) => mailsIn(place, false))
if (all.length < LAST_COLD + 1) throw new Error(`${all.length} mails: give more than ${LAST_COLD}`)
const count = Math.min(limit, all.length - LAST_COLD)
const before = Math.min(warmUp, all.length - count)
const mails = evenly(all, before + count)
const MARKS = [...COLD, before, before + count]
const programs = values.programs && resolve(values.programs)
print(`${machineText(describeMachine(SPOOL))}; clamd with ${oneSignature.name}.`)
print(`${count} mails through the milter, after ${before}.\n`)
const rows = programs === undefined ? await byRoom() : await byThread(join(programs, 'onescand'))
for (const cells of rows) print(`| ${cells.join(' | ')} |`)

/** The share of each room, cold and warm, by Node's profiler. */
async function byRoom(): Promise<string[][]> {
  const columns: { readonly title: string; readonly shares: ReadonlyMap<string, number> }[] = []
  for (const way of WAYS) {
    const directory = mkdtempSync(join(tmpdir(), 'bench-profile-'))
    const passed: Passed[] = []
    const command = profiledCommand(join(import.meta.dirname, '../../../bin/onescand'), directory)
    await sendAll(way, command, { sent: (message) => void passed.push(message) })
    const add = (title: string, those: readonly Passed[]) =>
      columns.push({ title, shares: readProfiles(directory, those) }) // written when onescand ended
    add(`${way}, the first ${LAST_COLD}`, passed.slice(0, LAST_COLD))
    add(`${way}, after ${before}`, passed.slice(before))
    rmSync(directory, { recursive: true })
  }
  const shareOf = (title: string, shares: ReadonlyMap<string, number>) =>
    [...shares].reduce((sum, [file, share]) => (roomOf(file) === title ? sum + share : sum), 0)
  return [
    ["% of onescand's CPU time", ...columns.map(({ title }) => title)],
    ['---', ...columns.map(() => '---:')],
    ...ROOMS.map(({ title }) => [
      title,
      ...columns.map(({ shares }) => (100 * shareOf(title, shares)).toFixed(1)),
    ]),
  ]
}

/** Milliseconds of each thread for a message, hundred by hundred after the start, and after the warm-up. */
async function byThread(program: string): Promise<string[][]> {
  const columns: { readonly title: string; readonly used: ReadonlyMap<string, number> }[] = []
  for (const way of WAYS) {
    const marks: { readonly number: number; readonly used: ReadonlyMap<string, number> }[] = []
    const mark = (number: number, pid: number) => marks.push({ number, used: cpuByThread(pid) })
    await sendAll(way, [program], {
      begin: (pid) => mark(0, pid),
      sent(_, number, pid) {
        if (MARKS.includes(number)) mark(number, pid)
      },
    })
    for (const [index, { number, used }] of marks.entries()) {
      const last = marks[index - 1]
      const isWarmUp = number === before && !COLD.includes(number)
      if (last === undefined || isWarmUp) continue
      const each = [...used].map(
        ([name, ms]) => [name, (ms - (last.used.get(name) ?? 0)) / (number - last.number)] as const,
      )
      const title = `${way}, ${last.number + 1} to ${number}`
      columns.push({ title, used: new Map(each) })
    }
  }
  const names = [...new Set(columns.flatMap(({ used }) => [...used.keys()]))]
  const ofAll = (used: ReadonlyMap<string, number>) =>
    [...used.values()].reduce((sum, ms) => sum + ms, 0)
  return [
    ["ms of onescand's CPU time for a message", ...columns.map(({ title }) => title)],
    ['---', ...columns.map(() => '---:')],
    ...names
      .map((name) => [name, ...columns.map(({ used }) => (used.get(name) ?? 0).toFixed(2))])
      .filter(([, ...times]) => times.some((time) => Number(time) >= SHOWN)),
    ['all', ...columns.map(({ used }) => ofAll(used).toFixed(2))],
  ]
}

interface Listener {
  /** Called before the first message, with onescand's process id. */
  begin?(pid: number): void
  /** Called after each message, with its number, from 1 on. */
  sent(message: Passed, number: number, pid: number): void
}

/** Sends all messages through a new onescand, and waits for its end. */
async function sendAll(
  way: Way,
  program: readonly string[],
  { begin, sent }: Listener,
): Promise<void> {
  await withEnding(async (t) => {
    const clamd = await startClamd(t, {
      parent: SPOOL,
      alertExceedsMax: true,
      database: oneSignature.files,
    })
    const socket = join(socketDirectory(t), 'm')
    const onescand = await startOnescand(t, {
      program,
      args: ['--milter', `unix:${socket}`],
      settings: { ...settingsOf[way], QHPSI: 'plugin: clamd', CLAMD: clamd.socket },
    })
    const line = await call(socket)
    const agreed = await negotiate(line, everything)
    line.write(packets.connect())
    begin?.(onescand.pid)
    for (const [index, mail] of mails.entries()) {
      const message = mail.read()
      const started = monotonic()
      await submit(line, agreed, { message })
      sent({ started, ms: monotonic() - started }, index + 1, onescand.pid)
    }
    line.write(packets.quit)
    await line.close()
    onescand.child.kill('SIGTERM') // so that the profiler writes
    await onescand.ended
  })
}

/** Milliseconds by CLOCK_MONOTONIC. */
function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
