import { join } from 'node:path'
import t from 'tap'
import { makeEnvelope } from '../../../src/message/envelope/envelope.ts'
import { plain } from '../../cases/messages.ts'
import { startOnescand } from '../../doors/daemon/process.ts'
import { runSlot } from '../../doors/slot/slot.ts'
import { extendedAnswer, udpService } from '../../quota/ask/services.ts'
import { clients, coldPrograms, missing } from './client.ts'

/** onescanc with QUOTAD: the daemon says who is over quota, or the cold program does. */

const to = (...names: readonly string[]) => {
  const recipients = names.map((name) => Buffer.from(`${name}@example.org`))
  return makeEnvelope(Buffer.from('a@example.net'), recipients).wire
}

t.test('over quota', { skip: missing }, async (t) => {
  const mailboxes = { 'full@example.org': [9, 9], 'half@example.org': [1, 1_000_000] } as const
  const service = await udpService(t, extendedAnswer(mailboxes))
  const QUOTAD = `quotad:127.0.0.1:${service.port}`
  // A machine that is busy answers late.
  const asking = { QUOTAD, QUOTATIMEOUT: '20000' }
  const daemon = startOnescand(t, { settings: { ...asking, QHPSI: 'plugin: eicar' } })
  await daemon.logged(/serving/)
  const cold = coldPrograms(t)
  const nobody = join(cold.directory, 'nobody')

  for (const { name, program } of clients) {
    for (const [who, socket] of [
      ['warm', daemon.socket],
      ['cold', nobody],
    ] as const) {
      // biome-ignore format: a line is easier to read
      for (const scanning of [{}, { QHPSI: 'plugin: eicar' }]) {
        const how = 'QHPSI' in scanning ? 'with a scanner' : 'without'
        t.test(`${name}, ${who}, ${how}: deferred if all recipients are full`, async (t) => {
          const run = (envelope: Buffer) =>
            runSlot({
              program,
              message: plain,
              envelope,
              errorFd: 6,
              settings: {
                ...scanning,
                ...asking,
                ERROR_FD: '6',
                ONESCAN_SOCKET: socket,
                ONESCAN_COLD: cold.queue,
              },
            })
          const refused = await run(to('full'))
          t.equal(refused.code, 82, refused.logged)
          t.match(refused.errorText.toString(), /^ZQuota exceeded for <full@example\.org>/)
          t.equal(/onescand at/.test(refused.logged), who === 'cold', 'by whom')
          const passed = await run(to('full', 'half'))
          t.equal(passed.code, 0, passed.logged)
          t.same(passed.deliveries[0]?.recipients, ['full@example.org', 'half@example.org'])
          if (how === 'without') t.ok(passed.deliveries[0]!.message.equals(plain), 'byte for byte')
        })
      }
    }
  }
})
