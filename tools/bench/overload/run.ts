import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { memoryFilesOfTree, pssOfTree } from '../../../test/programs/host/process-tree.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { socketDirectory } from '../../../test/programs/host/socket-directory.ts'
import { startClamd } from '../../../test/programs/servers/clamd.ts'
import { launcher, startOnescand } from '../../../test/scanner/daemon/process.ts'
import { call, everything, negotiate, packets } from '../../../test/scanner/doors/milter/mta.ts'
import { submit } from '../../../test/scanner/doors/milter/submit.ts'

/**
 * What the built onescand does with more than it can do at once, with a real clamd: 500 messages through the milter, and ordinary
 * mail beside connections that send one costly mail after another.
 * `npm run bench:overload [-- PROGRAM]`; PROGRAM is onescand's launcher.
 */

const AT_ONCE = 500
const SMALL_SIZE = 4 * 1024
const COSTLY_CONNECTIONS = 30
/** Ordinary mails beside them, one after another. */
const ORDINARY = 60

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
  await sendBesideCostly(place)
})

/** One message; `text` begins its body. */
function message(size: number, text: string): Buffer {
  const line = `${randomBytes(40).toString('base64url')}\n`
  return Buffer.from(`Subject: ${text}\n\n${line.repeat(Math.ceil(size / line.length))}`)
}

/** 1,000 bytes that are odd in each way that costs: fields and delimiters in the body, encoded texts without an end. */
function costlyMail(): Buffer {
  const odd = [
    '--c--',
    'Content-Type: message/rfc822',
    'Content-Transfer-Encoding: x-uuencode',
    '\0Content-Type: text/plain',
    '--',
    'PHOTO;ENCODING=QUOTED-PRINTABLE:a=',
    'YWJjYWJjX: =?a?b?YWJj?=',
    'ATTACH;ENCODING=BASE64:YWJj',
    `\xff\xfeContent-Type: multipart/mixed; boundary=${randomBytes(1).toString('hex')}`,
    'begin 644 a',
    '=0DYWJj--',
  ]
  const lines = Array.from({ length: 200 }, () => odd[randomInt(odd.length)])
  return Buffer.from(`From: a@x\nMIME-Version: 1.0\n${lines.join('\n')}`, 'latin1').subarray(
    0,
    1000,
  )
}

async function send(place: string, mail: Buffer, client = '192.0.2.7'): Promise<string> {
  const line = await call(place)
  const agreed = await negotiate(line, everything)
  line.write(packets.connect(client))
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

async function sendBesideCostly(place: string): Promise<void> {
  let ended = false
  let costly = 0
  const sendCostly = async (_: unknown, number: number) => {
    while (!ended) {
      await send(place, costlyMail(), `198.51.100.${number}`)
      costly += 1
    }
  }
  const connections = Array.from({ length: COSTLY_CONNECTIONS }, sendCostly)
  const waits: number[] = []
  let deferred = 0
  for (let n = 0; n < ORDINARY; n += 1) {
    const began = performance.now()
    if ((await send(place, message(SMALL_SIZE, `beside ${n}`))) !== 'delivered') deferred += 1
    waits.push((performance.now() - began) / 1000)
  }
  ended = true
  await Promise.all(connections)
  waits.sort((a, b) => a - b)
  const at = (share: number) => waits[Math.floor(share * (waits.length - 1))]?.toFixed(2)
  console.log(
    `${ORDINARY} ordinary mails beside ${COSTLY_CONNECTIONS} connections that sent ${costly} costly ones: ` +
      `${deferred} deferred, ${at(0.5)} s (median), ${at(0.95)} s (95 %), ${at(1)} s (most)`,
  )
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
