import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { memoryFilesOfTree, pssOfTree } from '../../../test/programs/host/process-tree.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { socketDirectory } from '../../../test/programs/host/socket-directory.ts'
import { startClamd } from '../../../test/programs/servers/clamd.ts'
import { launcher, startOnescand } from '../../../test/scanner/daemon/process.ts'
import { call, everything, negotiate, packets } from '../../../test/scanner/doors/milter/mta.ts'
import { submit } from '../../../test/scanner/doors/milter/submit.ts'

/**
 * What the built onescand does with more than it can do at once, with a real clamd: 500 messages through the milter.
 * `npm run bench:overload [-- PROGRAM]`; PROGRAM is onescand's launcher.
 */

const AT_ONCE = 500
const SMALL_SIZE = 4 * 1024

await withEnding(async (t) => {
  const place = join(socketDirectory(t), 'm')
  const sizes = { streamMaxLength: '100M', maxFileSize: '100M', maxScanSize: '100M' }
  const clamd = await startClamd(t, sizes)
  const onescand = await startOnescand(t, {
    program: [process.argv[2] ?? launcher],
    args: ['--workers', '2', '--milter', `unix:${place}`],
    settings: { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' },
  })
  await sendAtOnce(place, onescand.pid)
})

/** One message; `text` begins its body. */
function message(size: number, text: string): Buffer {
  const line = `${randomBytes(40).toString('base64url')}\n`
  return Buffer.from(`Subject: ${text}\n\n${line.repeat(Math.ceil(size / line.length))}`)
}

async function send(place: string, mail: Buffer): Promise<string> {
  const line = await call(place)
  const agreed = await negotiate(line, everything)
  line.write(packets.connect())
  const { outcome } = await submit(line, agreed, { message: mail })
  line.write(packets.quit)
  await line.close()
  return outcome
}

async function sendAtOnce(place: string, pid: number): Promise<void> {
  const memory = watchMemory(pid)
  const mails = Array.from({ length: AT_ONCE }, (_, n) => {
    return message(n % 10 === 0 ? 100_000 : SMALL_SIZE, `many ${n}`)
  })
  const began = performance.now()
  const outcomes = await Promise.all(mails.map((mail) => send(place, mail)))
  const used = memory.end()
  const deferred = outcomes.filter((outcome) => outcome !== 'delivered').length
  const took = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`${AT_ONCE} messages at once: ${deferred} deferred, in ${took} s`)
  console.log(used)
}

/** Memory of all processes of onescand, with their memory files, until `end`, which prints it in a line. */
function watchMemory(pid: number): { end(): string } {
  const now = () => pssOfTree(pid) + memoryFilesOfTree(pid)
  const before = now()
  let most = before
  let files = 0
  const timer = setInterval(() => {
    most = Math.max(most, now())
    files = Math.max(files, memoryFilesOfTree(pid))
  }, 100)
  return {
    end() {
      clearInterval(timer)
      const at = `${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`
      return `memory (PSS and memory files): ${at}; memory files alone ${files.toFixed(0)} MB at most`
    },
  }
}
