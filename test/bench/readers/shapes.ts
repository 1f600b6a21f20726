// `npm run bench:readers -- --shapes`: what reading mail of hostile shapes takes, in milliseconds
// of the processor, at two sizes. One process for all of them, as onescand reads: whichever takes
// too long is told, and another process goes on behind it.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Header } from '../../../src/mail/message/header-block.ts'
import { headerFormFault } from '../../../src/mail/message/well-formed.ts'
import { attachmentsScanner } from '../../../src/scan/scanners/attachments/attachments.ts'
import { scanBytes } from '../../../src/scan/scanners/scan-bytes.ts'
import { clean } from '../../../src/scan/scanners/shared/finding.ts'
import { readScanSettings } from '../../../src/scan/scanners/shared/scan-settings.ts'
import type { Scanner } from '../../../src/scan/scanners/shared/scanner.ts'
import { hostileShapes } from '../../scan/scanners/hostile-shapes.ts'

/** Bytes. */
export const SIZE = 64 * 1024

/** Milliseconds for one shape at both sizes. */
const TOO_LONG = 10_000

export interface Cost {
  readonly name: string
  /** Milliseconds of the processor at SIZE and twice that; undefined where it took too long. */
  readonly times: readonly [number, number] | undefined
  readonly answer: string
}

/** Measures shapes whose names have this text in them. */
export async function* measureShapes(names = ''): AsyncGenerator<Cost> {
  let child: ChildProcess | undefined
  try {
    for (const [index, { name }] of hostileShapes.entries()) {
      if (!name.includes(names)) continue
      child ??= fork(import.meta.filename, { execArgv: [] })
      const timer = setTimeout((slow) => slow.kill('SIGKILL'), TOO_LONG, child)
      const answer = Promise.race([once(child, 'message'), once(child, 'exit').then(() => [])])
      child.send(index)
      const [said] = await answer
      clearTimeout(timer)
      if (said) yield said as Cost
      else {
        child = undefined
        yield { name, times: undefined, answer: `took over ${TOO_LONG / 1000} s` }
      }
    }
  } finally {
    child?.kill('SIGKILL')
  }
}

const rulesFile = join(tmpdir(), `onescan-shapes-${process.pid}`)

/** As it is read on its way through onescan: the gate of stamps, every scanner's own reading. */
async function read(message: Buffer): Promise<string> {
  const env = { QHPSI: 'plugin: clamd attachments', BADATTACHMENTS: rulesFile }
  const settings = readScanSettings(env, { qmailHome: '/nowhere', control: '/nowhere' })!
  const reader: Scanner = {
    name: 'clamd',
    local: false,
    async scan(sample) {
      for (const chunk of sample.bytes.chunks()) void chunk
      return clean
    },
  }
  const end = message.indexOf('\n\n')
  headerFormFault(new Header(message.subarray(0, end < 0 ? message.length : end + 2)))
  async function* bytes() {
    yield message
  }
  const { result } = await scanBytes(bytes(), {
    spool: { directory: tmpdir(), sharedDirectory: undefined },
    scanners: [reader, attachmentsScanner(settings)],
    settings,
  })
  return result.answer === 'clean'
    ? 'clean'
    : `${result.answer} ${'why' in result ? result.why : ''}`
}

async function timed(message: Buffer): Promise<[number, string]> {
  const started = process.cpuUsage()
  const answer = await read(message)
  const { user, system } = process.cpuUsage(started)
  return [(user + system) / 1000, answer]
}

async function measure(index: number): Promise<Cost> {
  const { name, make } = hostileShapes[index]!
  const [once_, twice] = [make(SIZE), make(2 * SIZE)].map((text) => Buffer.from(text, 'latin1'))
  await read(once_!.subarray(0, 4096)) // what a process pays once
  const [first, answer] = await timed(once_!)
  const [second] = await timed(twice!)
  return { name, times: [first, second], answer }
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(rulesFile, 'name *.exe\ncontent executable\n')
  process.on('message', async (index: number) => process.send!(await measure(index)))
  process.on('disconnect', () => process.exit())
}
