import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startClamd } from '../../programs/clamd.ts'
import { freePort } from '../../programs/free-port.ts'
import { startPostfix } from '../../programs/postfix.ts'
import { cpuOfServers } from '../server-cpu.ts'
import { median } from '../statistics.ts'
import { type Filter, filters, type Teardown } from './filters.ts'

const SESSIONS = 10
/** Messages before anything is measured: programs that run for days have compiled what is hot. */
const WARM_UP = 2000

const run = promisify(execFile)

/** Of one run of messages of one size through one filter. */
interface Passage {
  /** Messages a second, of the whole way from smtp-source to the queue behind. */
  readonly rate: number
  /** Milliseconds of processor time for a message: the filter's, clamd's, and Postfix'. */
  readonly filter: number
  readonly clamd: number
  readonly postfix: number
}

export interface Lane {
  readonly name: string
  readonly passages: ReadonlyMap<number, readonly Passage[]>
}

export interface Comparison {
  readonly rounds: number
  readonly messages: number
  /** Bytes. */
  readonly sizes: readonly number[]
  /** Only filters whose name has this in it, and the first one. */
  readonly named: string
}

/** All filters turn by turn, each with a Postfix of its own, which throws mail away once it is queued. */
export async function compare(t: Teardown, comparison: Comparison): Promise<readonly Lane[]> {
  const { rounds, messages, sizes, named } = comparison
  const clamd = await startClamd()
  t.teardown(() => clamd.stop())
  const lanes = []
  for (const filter of filters) {
    if (filter !== filters[0] && !filter.name.includes(named)) continue
    const { ports, pids } = await openLane(filter)
    lanes.push({ name: filter.name, port: ports, pids, passages: new Map<number, Passage[]>() })
  }

  async function openLane(filter: Filter) {
    const [port, next] = [await freePort(), await freePort()]
    const pid = await filter.start(t, port, next, clamd)
    const main = {
      default_transport: 'discard',
      relayhost: '',
      default_process_limit: '100',
      smtpd_client_connection_count_limit: '0',
    }
    const postfix = await startPostfix(1, main, undefined, {
      smtpd: (own) =>
        `127.0.0.1:${own} inet n - n - - smtpd -o smtpd_proxy_filter=127.0.0.1:${port}`,
      services: `127.0.0.1:${next} inet n - n - - smtpd -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n`,
    })
    t.teardown(postfix.stop)
    return { ports: postfix.port, pids: { filter: pid, clamd: clamd.pid, postfix: postfix.pid } }
  }

  for (const { port } of lanes) await send(port, sizes[0]!, WARM_UP)
  for (let round = 0; round < rounds; round++) {
    for (const size of sizes) {
      for (const { port, pids, passages } of lanes) {
        const before = performance.now()
        const used = Object.values(pids).map((pid) => cpuOfServers([pid]))
        await send(port, size, messages)
        const rate = (messages * 1000) / (performance.now() - before)
        const [filter, clamd, postfix] = Object.values(pids).map(
          (pid, index) => (cpuOfServers([pid]) - used[index]!) / messages,
        )
        const passage = { rate, filter: filter!, clamd: clamd!, postfix: postfix! }
        passages.set(size, [...(passages.get(size) ?? []), passage])
      }
    }
  }
  return lanes
}

async function send(port: number, bytes: number, messages: number): Promise<void> {
  await run('smtp-source', ['-s', String(SESSIONS), '-m', String(messages), '-l', String(bytes), '-f', 'ann@example.net', '-t', 'ben@example.org', `127.0.0.1:${port}`]) // biome-ignore format: a list
}

/** A line for each filter; what is compared is what was measured in the same round. */
export function* linesOf(
  lanes: readonly Lane[],
  size: number,
  goal: number,
): Generator<string, void> {
  const of = ({ passages }: Lane) => passages.get(size)!
  const [first] = lanes
  const clamsmtp = lanes.find(({ name }) => name.startsWith('clamsmtpd'))
  yield `${size} bytes: messages/s (over pass-through, goal ${goal}; over clamsmtpd, goal 1), ms of processor time for a message: filter, clamd, Postfix`
  for (const lane of lanes) {
    const over = (other: Lane | undefined) =>
      other === undefined
        ? '-'
        : median(of(lane).map(({ rate }, round) => rate / of(other)[round]!.rate)).toFixed(2)
    const shown = (what: keyof Passage, digits: number) =>
      median(of(lane).map((passage) => passage[what])).toFixed(digits)
    const ratios = `${over(first)}, ${over(clamsmtp)}`
    const times = `${shown('filter', 2)}, ${shown('clamd', 2)}, ${shown('postfix', 2)}`
    yield `  ${lane.name}: ${shown('rate', 0)} (${ratios}), ${times}`
  }
}
