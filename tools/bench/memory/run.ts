// `npm run bench:memory`: what memory onescand holds after how much mail.
//
//     npm run bench:memory -- --programs build/native --counts 1600,10000,50000 phishing_pot/email
//
// Each file of a folder is a message, each mbox is split. They go again and again, each time with a field of its own, through
// the milter of an onescand and a clamd with one signature, by eight connections. The output is the memory of each process
// that no other one shares (the first process, its worker processes, the process for plugins), in MB: after the start, after
// each of the counts, and after mails with a file of `--large` MB (25), `--large-count` of them (20); each time at once, and
// when nothing came for `--idle` seconds (30).
//
// With --workers N: so many worker processes (1). With --never: SECONDLOOK=never.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { treeOf } from '../../../test/programs/host/process-tree.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { socketDirectory } from '../../../test/programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../test/programs/servers/clamd.ts'
import { startOnescand } from '../../../test/scanner/daemon/process.ts'
import { call, everything, negotiate, packets } from '../../../test/scanner/doors/milter/mta.ts'
import { submit } from '../../../test/scanner/doors/milter/submit.ts'
import { oneSignature } from '../databases.ts'
import { describeMachine, machineText } from '../machine.ts'
import { mailsIn } from '../ordinary/mails.ts'
import { SPOOL } from '../workshop.ts'

const CONNECTIONS = 8

const { values, positionals: places } = parseArgs({
  allowPositionals: true,
  options: {
    programs: { type: 'string', default: 'build/native' },
    counts: { type: 'string', default: '1600,10000,50000' },
    workers: { type: 'string', default: '1' },
    large: { type: 'string', default: '25' },
    'large-count': { type: 'string', default: '20' },
    idle: { type: 'string', default: '30' },
    never: { type: 'boolean', default: false },
  },
})
if (places.length === 0) {
  process.stderr.write('usage: npm run bench:memory -- [OPTION...] PLACE...\n')
  process.exit(100)
}
if (clamdMissing) throw new Error(clamdMissing)
const mails = places.flatMap((place) => mailsIn(place, false))

print(`${machineText(describeMachine(SPOOL))}; ${values.workers} worker processes`)
await withEnding(async (t) => {
  const clamd = await startClamd(t, { parent: SPOOL, database: oneSignature.files })
  const socket = join(socketDirectory(t), 'm')
  const onescand = await startOnescand(t, {
    program: [join(resolve(values.programs), 'onescand')],
    args: ['--milter', `unix:${socket}`, '--workers', values.workers],
    settings: {
      ...(values.never && { SECONDLOOK: 'never' }),
      QHPSI: 'plugin: clamd',
      CLAMD: clamd.socket,
    },
  })
  let sent = 0
  const outcomes = new Map<string, number>()

  /** Sends the messages of a generator by all connections. */
  async function sendAll(next: () => Buffer | undefined): Promise<void> {
    const connections = Array.from({ length: CONNECTIONS }, async () => {
      const line = await call(socket)
      const agreed = await negotiate(line, everything)
      line.write(packets.connect())
      for (let message = next(); message; message = next()) {
        const { outcome } = await submit(line, agreed, { message })
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
      line.write(packets.quit)
      await line.close()
    })
    await Promise.all(connections)
  }

  async function show(when: string): Promise<void> {
    const atOnce = memoryOf(onescand.pid)
    await sleep(Number(values.idle) * 1000)
    print(`${when}: ${atOnce}; idle: ${memoryOf(onescand.pid)}`)
  }

  await show('after the start')
  for (const count of values.counts.split(',').map(Number)) {
    await sendAll(() => {
      if (sent === count) return undefined
      const field = Buffer.from(`X-Number: ${sent}\n`)
      return Buffer.concat([field, mails[sent++ % mails.length]!.read()])
    })
    await show(`after ${count} messages`)
  }
  let large = Number(values['large-count'])
  const file = Buffer.alloc(Number(values.large) * 1e6)
  for (let at = 0; at < file.length; at++) file[at] = (at * 2654435761) >>> 13
  const encoded = file.toString('base64').replace(/.{76}/g, '$&\n')
  await sendAll(() =>
    large-- > 0
      ? Buffer.from(
          `From: a@example.org\nSubject: ${large}\nMIME-Version: 1.0\nContent-Type: application/pdf; name="a.pdf"\nContent-Transfer-Encoding: base64\n\n${encoded}\n`,
        )
      : undefined,
  )
  await show(`after ${values['large-count']} messages of ${values.large} MB`)
  print([...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', '))
})

/** The memory of each process that it does not share, in MB, the first process first. */
function memoryOf(pid: number): string {
  return treeOf(pid)
    .map((member) => {
      const text = readFileSync(`/proc/${member}/smaps_rollup`, 'latin1')
      return (Number(/^Anonymous: +([0-9]+)/m.exec(text)![1]) / 1000).toFixed(0)
    })
    .join(' + ')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
