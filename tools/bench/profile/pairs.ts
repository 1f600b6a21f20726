// Compares builds of onescand on a machine that is not quiet: they take turns, in blocks of messages.
//
//     node packaging/toolchain/run.mjs tools/bench/profile/pairs.ts [OPTION...] BUILD BUILD... PLACE
//
// Each BUILD is a directory of compiled programs (build/native). The messages of PLACE go to each build through the milter,
// to one clamd. The output is the processor time and the time of a message in ms, the median of the blocks after
// --warm-up messages (1500), and the ratio of each block to that of the first build: its median, its quartiles, and the
// ratio of the blocks that were among the quickest tenth. Ratios within 5 % need many blocks: --limit messages (1500) of
// --block (20) for each. A line below has the page faults of a message, and the memory of each process that it does not
// share, at the end.
//
// With --never: SECONDLOOK=never. With --clamd: through the clamd interface. With --text: letters of 4 KB instead of PLACE.
// With --copies: with a directory of signatures, so that verdicts are cached.
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { treeOf } from '../../../test/programs/host/process-tree.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { socketDirectory } from '../../../test/programs/host/socket-directory.ts'
import { startClamd } from '../../../test/programs/servers/clamd.ts'
import { startOnescand } from '../../../test/scanner/daemon/process.ts'
import { call, everything, negotiate, packets } from '../../../test/scanner/doors/milter/mta.ts'
import { submit } from '../../../test/scanner/doors/milter/submit.ts'
import { compiled } from '../compile.ts'
import { oneSignature } from '../databases.ts'
import { FORMS } from '../letters.ts'
import { evenly, mailsIn } from '../ordinary/mails.ts'
import { medianOf } from '../report.ts'
import { openWorkshop, SPOOL } from '../workshop.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    never: { type: 'boolean', default: false },
    clamd: { type: 'boolean', default: false },
    text: { type: 'boolean', default: false },
    copies: { type: 'boolean', default: false },
    'warm-up': { type: 'string', default: '1500' },
    limit: { type: 'string', default: '1500' },
    block: { type: 'string', default: '20' },
  },
})
const place = positionals.at(-1)
const builds = positionals.slice(0, -1)
if (place === undefined || builds.length < 2) {
  process.stderr.write('usage: pairs.ts [--never] [--clamd] [--text] BUILD BUILD... PLACE\n')
  process.exit(100)
}
const [warmUp, limit, size] = [values['warm-up'], values.limit, values.block].map(Number) as [
  number,
  number,
  number,
]
const letter = FORMS.find(({ name }) => name === '4 KB text')!
const mails = values.text
  ? Array.from({ length: warmUp + limit }, (_, n) => Buffer.from(letter.make(n)))
  : evenly(mailsIn(place, false), warmUp + limit).map((mail) => mail.read())
const workshop = openWorkshop(SPOOL, SPOOL)
process.once('exit', workshop.remove)

await withEnding(async (t) => {
  const clamd = await startClamd(t, {
    parent: SPOOL,
    alertExceedsMax: true,
    database: oneSignature.files,
  })
  const contestants = []
  for (const build of builds) {
    const socket = join(socketDirectory(t), 's')
    const onescand = await startOnescand(t, {
      program: [join(resolve(build), 'onescand')],
      args: [values.clamd ? '--clamd' : '--milter', `unix:${socket}`, '--workers', '1'],
      settings: {
        ...(values.never && { SECONDLOOK: 'never' }),
        ...(values.copies && {
          CLAMDBDIR: join(
            import.meta.dirname,
            '../../../test/scanner/scan/scanners/clamd/database',
          ),
        }),
        QHPSI: 'plugin: clamd',
        CLAMD: clamd.socket,
      },
    })
    const send = values.clamd ? byFildes(socket) : await byMilter(socket)
    contestants.push({ build, onescand, send, blocks: [] as number[], walls: [] as number[] })
  }
  let faults: readonly number[] = []
  for (let at = 0; at < mails.length; at += size) {
    if (at < warmUp + size && at >= warmUp)
      faults = contestants.map(({ onescand }) => faultsOf(onescand.pid))
    const block = mails.slice(at, at + size)
    const order = (at / size) % 2 ? contestants : contestants.toReversed()
    for (const { onescand, send, blocks, walls } of order) {
      const before = nanoseconds(onescand.pid)
      const wall = await send(block)
      if (at < warmUp) continue
      blocks.push((nanoseconds(onescand.pid) - before) / 1e6 / block.length)
      walls.push(wall)
    }
  }
  const [first] = contestants
  for (const [index, { build, onescand, blocks, walls }] of contestants.entries()) {
    const show = (own: readonly number[], others: readonly number[]) => {
      const ratios = own.map((ms, at) => ms / others[at]!)
      const [low, middle, high] = [0.25, 0.5, 0.75].map((at) => quantile(ratios, at).toFixed(3))
      const least = quantile(own, 0.1) / quantile(others, 0.1)
      return `${medianOf(own).toFixed(3)} ms, ${middle} (${low} to ${high}), of quick blocks ${least.toFixed(3)}`
    }
    print(`${build}: CPU ${show(blocks, first!.blocks)}; wall ${show(walls, first!.walls)}`)
    const faulted = (faultsOf(onescand.pid) - faults[index]!) / (mails.length - warmUp)
    print(
      `  ${faulted.toFixed(1)} page faults, ${treeOf(onescand.pid).map(ownMegabytes).join(' + ')} MB`,
    )
  }
})

/** Sends mails by one connection of an MTA. Resolves to the milliseconds of one. */
async function byMilter(socket: string) {
  const line = await call(socket)
  const agreed = await negotiate(line, everything)
  line.write(packets.connect())
  return async (block: readonly Buffer[]) => {
    const start = performance.now()
    for (const message of block) await submit(line, agreed, { message })
    return (performance.now() - start) / block.length
  }
}

/** Passes mails by their descriptors. Resolves to the median of the milliseconds of one. */
function byFildes(socket: string) {
  return async (block: readonly Buffer[]) => {
    const files = workshop.write(block)
    const { stdout } = await promisify(execFile)(compiled('fildes'), [socket, ...files])
    return medianOf(stdout.trimEnd().split('\n').map(Number))
  }
}

/** The processor time of a process and its children. */
function nanoseconds(pid: number): number {
  let sum = 0
  for (const member of treeOf(pid)) {
    for (const thread of readdirSync(`/proc/${member}/task`)) {
      try {
        sum += Number(
          readFileSync(`/proc/${member}/task/${thread}/schedstat`, 'latin1').split(' ')[0],
        )
      } catch {
        // It has ended.
      }
    }
  }
  return sum
}

/** The page faults of a process and its children, minor ones: proc_pid_stat(5). */
function faultsOf(pid: number): number {
  return treeOf(pid).reduce((sum, member) => {
    const stat = readFileSync(`/proc/${member}/stat`, 'latin1')
    return sum + Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[7])
  }, 0)
}

/** The anonymous memory of a process. */
function ownMegabytes(pid: number): string {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  return (Number(/^Anonymous: +([0-9]+)/m.exec(text)![1]) / 1000).toFixed(0)
}

function quantile(all: readonly number[], at: number): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length * at)]!
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
