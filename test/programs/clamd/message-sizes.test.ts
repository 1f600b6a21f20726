import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { PACKET_DATA } from '../../../src/scanner/protocol/clamd/stream.ts'
import { TOP_LINE } from '../../../src/scanner/scan/scanners/contract/top-line.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { sampleOf } from '../../run/is-whole.ts'
import { openMilter } from '../../scanner/doors/milter/rig.ts'
import { runSlot } from '../../scanner/doors/slot/slot.ts'
import { openSlot } from '../../scanner/doors/slot/socket/rig.ts'
import { startNext } from '../../scanner/doors/smtp/next-server.ts'
import { openDoor, sendThrough } from '../../scanner/doors/smtp/rig.ts'
import { clamdMissing, startClamd } from '../servers/clamd.ts'

/**
 * Ordinary mail of each size around the limits of memory: those of a packet for clamd (64 KiB), of
 * contents that are sent together (96 KiB) and of the largest among them (48 KiB). Each door hands it
 * to clamd by descriptor and by INSTREAM, and gets a true answer.
 */

const KIB = 1024
const BATCH = 96 * KIB
/** Sizes of the sample, which has TOP_LINE above the message, at which it no longer fits. */
const exact = [PACKET_DATA, BATCH].flatMap((limit) =>
  [-1, 0, 1].map((more) => limit - TOP_LINE.length + more),
)
const around = Array.from({ length: 51 }, (_, n) => (60 + n) * KIB)
const sizes = [...sampleOf(around, 5), ...exact]
/** A process for each message takes longer: fewer sizes, and the exact limits. */
const standaloneSizes = [...around.filter((size) => size % (5 * KIB) === 0), ...exact]

let number = 0

/**
 * Returns a message of this many bytes: a short text, the same in HTML, and a file in base64. It differs from
 * all others, so that nobody remembers its parts.
 */
function mail(size: number, isInfected: boolean): Buffer {
  const name = `${size}-${number++}`
  const start = `From: ann@example.net
To: ben@example.org
Subject: the plan ${name}
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <${name}@example.net>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=mixed

--mixed
Content-Type: multipart/alternative; boundary=choice

--choice
Content-Type: text/plain; charset=utf-8

Here is the plan, ${name}.
--choice
Content-Type: text/html; charset=utf-8

<html><body><p>Here is the <b>plan</b>, ${name}.</p></body></html>
--choice--
--mixed
Content-Type: application/octet-stream; name=plan.bin
Content-Disposition: attachment; filename=plan.bin
Content-Transfer-Encoding: base64

`
  const end = '\n--mixed--\n'
  const room = size - start.length - end.length
  const lines = Math.floor(room / 77)
  const file = randomBytes(lines * 57, name)
  if (isInfected) file.write(EICAR, file.length - EICAR.length)
  const text = file.toString('base64').replace(/.{76}/g, '$&\n')
  const epilogue = 'x'.repeat(room - text.length)
  return Buffer.from(`${start}${text}${end}${epilogue}`)
}

/** Bytes that follow from the seed. */
function randomBytes(length: number, seed: string): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest()
}

type Send = (message: Buffer) => Promise<'clean' | 'infected' | string>

/** Each size by this door, clean and infected, several at a time. */
async function sendAll(t: Test, all: readonly number[], send: Send): Promise<void> {
  const mails = all.flatMap((size) => [true, false].map((isInfected) => ({ size, isInfected })))
  const wrong: string[] = []
  let sent = 0
  const sendSome = async () => {
    for (let next = mails[sent++]; next !== undefined; next = mails[sent++]) {
      const { size, isInfected } = next
      const expected = isInfected ? 'infected' : 'clean'
      const got = await send(mail(size, isInfected))
      if (got !== expected) wrong.push(`${size} bytes, ${expected}: ${got}`)
    }
  }
  await Promise.all([sendSome(), sendSome()])
  t.same(wrong, [])
}

t.test('mail of each size gets a true answer', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t, { tcp: true })
  for (const CLAMD of [clamd.socket, clamd.tcp]) {
    const settings = { QHPSI: 'plugin: clamd', CLAMD, REJECTVIRUS: '1', VERDICTS: 'off' }
    const how = CLAMD === clamd.tcp ? 'by TCP' : 'by its socket'

    t.test(`onescanc with onescand, clamd ${how}`, async (t) => {
      const slot = await openSlot(t, settings)
      await sendAll(t, sizes, async (message) => {
        const { does, code, reason } = await slot.ask({ variables: settings, message })
        if (does === 'hand on') return 'clean'
        return does === 'end' && code === 31 ? 'infected' : `${does} ${code} ${reason}`
      })
    })

    t.test(`the milter, clamd ${how}`, async (t) => {
      const milter = await openMilter(t, settings)
      await sendAll(t, sizes, async (message) => {
        const { outcome, reply } = await milter.submit({ message })
        return { delivered: 'clean', refused: 'infected' }[outcome as string] ?? reply
      })
    })

    t.test(`the SMTP interface, clamd ${how}`, async (t) => {
      const next = await startNext(t)
      const door = await openDoor(t, next.port, { settings })
      await sendAll(t, sizes, async (message) => {
        const wire = message.toString('latin1').replaceAll('\n', '\r\n')
        const reply = await sendThrough(door, `${wire}\r\n`)
        if (reply.startsWith('250')) return 'clean'
        return reply.startsWith('550') ? 'infected' : reply
      })
    })

    t.test(`onescan-queue without onescand, clamd ${how}`, async (t) => {
      await sendAll(t, standaloneSizes, async (message) => {
        const { code, logged } = await runSlot({ message, settings })
        if (code === 0) return 'clean'
        return code === 31 ? 'infected' : `${code} ${logged}`
      })
    })
  }
})
