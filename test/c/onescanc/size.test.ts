import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import t from 'tap'
import { runSlot } from '../../scanner/doors/slot/slot.ts'
import { missing, onescanc } from './client.ts'
import { accept, acknowledgement, bodyAt, insert, keep, scriptedDaemon } from './scripted-daemon.ts'

/** The memory that onescanc takes for 100 MB, beside that for 4 KB. */

const KIB = 1024
const LINE = Buffer.from(`${'all work and no play '.repeat(48)}\n`)
const MEGABYTE = Buffer.concat(Array.from({ length: 1000 }, () => LINE))
const header = Buffer.from('Subject: large\n\n')

function* message(megabytes: number): Generator<Buffer> {
  yield header
  yield LINE.subarray(0, 1000)
  for (let i = 0; i < megabytes; i++) yield MEGABYTE
}

/** The largest resident size of the only client that runs so far (VmHWM, proc(5)). */
function clientsPeak(): number {
  for (const pid of readdirSync('/proc')) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`) !== onescanc) continue
      const status = readFileSync(`/proc/${pid}/status`, 'latin1')
      return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) * KIB
    } catch {
      // No process, or one that has ended.
    }
  }
  return Number.NaN
}

t.test('at any size the client has at most 2 MiB resident', { skip: missing }, async (t) => {
  for (const megabytes of [0, 5, 100]) {
    let peak = Number.NaN
    const daemon = await scriptedDaemon(t, async ({ question, end }) => {
      await question
      peak = clientsPeak()
      end(acknowledgement, accept(bodyAt(header.length), insert('X: y\n'), keep(0, header.length)))
    })
    const run = await runSlot({
      program: [onescanc],
      message: message(megabytes),
      settings: {
        QHPSI: 'plugin: eicar',
        ONESCAN_SOCKET: daemon.socket,
      },
    })
    t.equal(run.code, 0, run.logged)
    const wanted = createHash('sha256').update('X: y\n')
    for (const piece of message(megabytes)) wanted.update(piece)
    const found = createHash('sha256').update(run.deliveries[0]!.message)
    t.equal(found.digest('hex'), wanted.digest('hex'), 'and hands it on whole')
    t.comment(`${megabytes} MB: ${peak / KIB} KiB`)
    t.ok(peak <= 2048 * KIB, `${peak / KIB} KiB`)
  }
})
