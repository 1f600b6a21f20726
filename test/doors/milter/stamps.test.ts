import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import { onescan } from '../../cli/onescan.ts'
import { md5Hex } from '../../cluster/independent.ts'
import { runSlot } from '../slot/slot.ts'
import { openMilter } from './rig.ts'

/** Stamps between hosts: a milter stamps mail in CRLF, the slot of qmail mail in LF. */

const messages = join(import.meta.dirname, '../../messages')
/** Returns mail as each MTA has it in its queue: in LF. */
const samples = readdirSync(messages)
  .filter((name) => name.endsWith('.eml'))
  .map((name) => ({
    name,
    message: bytes(readFileSync(join(messages, name), 'latin1').replaceAll('\r\n', '\n')),
  }))
  .filter(({ message }) => message.toString('latin1').endsWith('\n'))

const hmac = `hmac-sha256:alpha:${Buffer.alloc(32, 5).toString('base64url')}\n`
const received = bytes('Received: by mta.example.org;\n\tFri, 20 Nov 2026 10:00:00 +0000\n')

for (const [scheme, line] of [
  ['md5', 'sesame\n'],
  ['hmac-sha256', hmac],
] as const) {
  t.test(`${scheme}: a message that went host to host is scanned once, both ways`, async (t) => {
    const stage = buildStage()
    t.teardown(() => stage.remove())
    const settings = {
      QHPSI: stage.scanner,
      CLUSTERKEYS: stage.file('ring', line),
      CLAMDBDIR: '/nonexistent',
      SECONDLOOK: 'never', // a scan is one of the whole message
    }
    const milter = await openMilter(t, settings)
    for (const { name, message } of samples) {
      const before = stage.scans()
      const there = await milter.submit({ message })
      t.equal(there.outcome, 'delivered', name)
      t.equal(stage.scans(), before + 1)
      const delivered = Buffer.concat([received, there.message]) // in LF, as in a Maildir
      const verified = await onescan(
        ['verify', '-', '--keyring', settings.CLUSTERKEYS, '--env', 'CLAMDBDIR=/nonexistent'],
        { input: delivered },
      )
      t.equal(verified.code, 0, verified.out)
      const slot = await runSlot({ message: delivered, settings })
      t.match(slot.logged, /scan=trusted/)

      const first = await runSlot({ message, settings })
      t.match(first.logged, /scan=clean/)
      const [{ message: stamped } = { message: bytes('') }] = first.deliveries
      const back = await milter.submit({ message: Buffer.concat([received, stamped]) })
      t.equal(back.outcome, 'delivered')
      t.match(milter.mailLog.at(-1), /scan=trusted/)
      t.equal(stage.scans(), before + 2, 'once each way')
    }
  })
}

t.test('an md5 stamp of a milter is the one that the slot gives', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const ring = stage.file('ring', 'sesame\n')
  const settings = { QHPSI: stage.scanner, CLUSTERKEYS: ring, CLAMDBDIR: '/nonexistent' }
  const milter = await openMilter(t, settings)
  const stampOf = (message: Buffer) =>
    /^X-MD5-Cluster-\d+: ([0-9a-f]{32})$/m.exec(message.toString('latin1'))?.[1]
  for (const { name, message } of samples) {
    const slot = await runSlot({ message, settings })
    const stamp = stampOf((await milter.submit({ message })).message)
    t.equal(stamp, md5Hex(message, 'sesame'), name)
    t.equal(stamp, stampOf(slot.deliveries[0]!.message))
  }
})
