import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import type { ScannerCall } from '../../../src/scanner/scan/scanners/contract/scanner.ts'
import { clean } from '../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { lacks } from '../../needs.mjs'
import { until } from '../../run/until.ts'
import { inStream, openClamdDoor } from '../../scanner/doors/clamd/rig.ts'

/** clamdtop(1) shows what onescand does in place of clamd. */

const skip = { skip: lacks('clamdtop', 'script') }

/** Runs clamdtop at a terminal until it shows a text, and then types `q`. Resolves to its exit code and its output. */
async function watch(socket: string, shown: RegExp) {
  const words = ['--quiet', '--return', '--command', `clamdtop ${socket}`, '/dev/null']
  const env = { ...process.env, TERM: 'xterm', LINES: '24', COLUMNS: '100' }
  const top = spawn('script', words, { env, stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  top.stdout.on('data', (chunk) => {
    output = (output + chunk).replace(/\x1b(?:\[[0-9;?]*[a-zA-Z]|[()=>].?)/g, ' ')
  })
  const ended = once(top, 'close')
  await until(() => top.exitCode !== null || shown.test(output), 'clamdtop shows it')
  if (top.exitCode === null) top.stdin.end('q')
  const [code] = await ended
  return { code, output }
}

t.test('clamdtop shows threads that have work, and what waits', skip, async (t) => {
  let ends: (() => void)[] = []
  const scan = async (_: unknown, { signal }: ScannerCall) => {
    await new Promise<void>((resolve) => {
      ends.push(resolve)
      signal.addEventListener('abort', () => resolve())
    })
    return clean
  }
  for (const [maxClients, under, threads] of [
    [200, 0, 'live\\s+200\\s+idle\\s+200\\s+max\\s+200'],
    [200, 3, 'live\\s+200\\s+idle\\s+197\\s+max\\s+200'],
    [1, 2, 'live\\s+1\\s+idle\\s+0\\s+max\\s+1\\b'],
  ] as const) {
    ends = []
    const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar' }, { scan, maxClients })
    const clients = Array.from({ length: under }, (_, n) => door.ask(inStream(`text ${n}`)))
    await until(() => ends.length === Math.min(under, maxClients), 'they are scanned')
    const { code, output } = await watch(door.at.path!, new RegExp(threads))
    t.equal(code, 0, output.slice(-500))
    t.match(output, new RegExp(threads))
    const answered = Promise.all(clients)
    await until(async () => {
      for (const end of ends.splice(0)) end()
      return (await Promise.race([answered, undefined])) !== undefined
    }, 'all are answered')
  }
})
