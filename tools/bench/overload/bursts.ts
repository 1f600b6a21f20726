import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PERMITS } from '../../../src/scanner/scan/scanners/permits/scan-permits.ts'
import { type Ending, withEnding } from '../../../test/programs/host/server.ts'
import { socketDirectory } from '../../../test/programs/host/socket-directory.ts'
import { startClamd } from '../../../test/programs/servers/clamd.ts'
import { startOnescand } from '../../../test/scanner/daemon/process.ts'
import { call, everything, negotiate, says } from '../../../test/scanner/doors/milter/mta.ts'
import { queueMessage } from '../../../test/scanner/doors/milter/queued-message.ts'
import { submit } from '../../../test/scanner/doors/milter/submit.ts'

/** So many messages with a file come at once, and each scan takes so long. */
interface Burst {
  readonly mails: number
  /** Bytes. */
  readonly size: number
  /** SCANTIMEOUT, in seconds. */
  readonly within: number
}

const BURSTS: readonly Burst[] = [
  { mails: 40, size: 2 * 1024 * 1024, within: 15 },
  { mails: 200, size: 20 * 1024 * 1024, within: 60 },
]
/** Milliseconds of a scan. */
const SCAN = 1000

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Measures what one process of the built onescand does with bursts of large messages. */
export async function measureBursts(program: string): Promise<void> {
  for (const burst of BURSTS) await withEnding((t) => measureBurst(t, burst, program))
}

async function measureBurst(t: Ending, { mails, size, within }: Burst, program: string) {
  const limits = { streamMaxLength: '100M', maxFileSize: '100M', maxScanSize: '100M' }
  const clamd = await startClamd(t, limits)
  const relay = await startSlowScans(t, clamd.socket)
  const place = join(socketDirectory(t), 'm')
  const onescand = await startOnescand(t, {
    program: [program],
    args: ['--workers', '1', '--milter', `unix:${place}`],
    settings: {
      QHPSI: 'plugin: clamd',
      CLAMD: relay.address,
      CLAMDBDIR: '/nonexistent',
      SCANTIMEOUT: String(within),
    },
  })
  const body = encodedFile(size)
  const began = performance.now()
  const seconds = (since: number) => (performance.now() - since) / 1000
  const told: { readonly outcome: string; readonly after: number }[] = []
  await Promise.all(
    Array.from({ length: mails }, async (_, n) => {
      const head = Buffer.from(`Subject: burst ${n} ${randomBytes(8).toString('hex')}\n${FIELDS}`)
      const line = await call(place)
      const agreed = await negotiate(line, everything)
      line.write(says.connect())
      const mail = { ...queueMessage(head), body }
      let sent = began
      const hasSent = () => {
        sent = performance.now()
      }
      const { outcome } = await submit(line, agreed, { message: head, hasSent }, mail)
      told.push({ outcome, after: seconds(sent) })
      line.write(says.quit)
      await line.close()
    }),
  )
  const of = (wanted: string) => told.filter(({ outcome }) => outcome === wanted)
  const late = of('deferred')
    .map(({ after }) => after)
    .sort((a, b) => a - b)
  const through = of('delivered').length
  const ended = Math.max(...of('delivered').map(({ after }) => after))
  const scan = (ended * PERMITS.large) / through
  const room = PERMITS.large * Math.floor(within / scan)
  const at = (share: number) => (late[Math.floor((late.length - 1) * share)] ?? 0).toFixed(1)
  say(
    `${mails} messages of ${size / 1024 / 1024} MiB, a scan ${SCAN / 1000} s, SCANTIMEOUT ${within}: ` +
      `${through} through, ${late.length} deferred, ${relay.answers()} scans, in ` +
      `${seconds(began).toFixed(1)} s; deferred after ${at(0)} s, median ${at(0.5)} s, at most ${at(1)} s`,
  )
  if (through > 0) say(`  a scan took ${scan.toFixed(2)} s: that leaves room for ${room}`)
  const causes = onescand.log.map((line) => /\bcause=([a-z-]+)/.exec(line)?.[1]).filter(Boolean)
  if (causes.length > 0) say(`  unknown: ${[...new Set(causes)].join(', ')}`)
}

const FIELDS =
  'MIME-Version: 1.0\nContent-Type: application/octet-stream; name=x.bin\nContent-Transfer-Encoding: base64\n\n'

/** A file of this many bytes in base64, with CR LF: clamd is asked about it, and about the whole message. */
function encodedFile(size: number): Buffer {
  const file = randomBytes(Math.floor(size / 78) * 57).toString('base64')
  return Buffer.from(file.replace(/.{76}/g, '$&\r\n'))
}

async function startSlowScans(t: Ending, clamd: string) {
  const script = join(import.meta.dirname, '../../../test/programs/host/slow-scans.ts')
  const child = spawn(process.execPath, [script, clamd, String(SCAN)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.stdin.end())
  const lines = createInterface({ input: child.stdout })
  const [port] = await once(lines, 'line')
  let answers = 0
  lines.on('line', () => void answers++)
  return { address: `127.0.0.1:${port}`, answers: () => answers }
}
