import t from 'tap'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import { plain } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { lacks } from '../../../needs.mjs'
import { extendedAnswer, udpService } from '../../scan/quota/services.ts'
import { runSlot, runtimes } from './slot.ts'

/** The slot answers for all recipients at once: mail is deferred if all of them are over quota. */

const mailboxes = {
  'full@example.org': [100, 100],
  'more@example.org': [200, 100],
  'half@example.org': [500_000, 1_000_000],
} as const

const to = (...names: readonly string[]) => {
  const recipients = names.map((name) => Buffer.from(`${name}@example.org`))
  return makeEnvelope(Buffer.from('a@example.net'), recipients).wire
}

for (const { name, program } of runtimes) {
  t.test(`${name}`, async (t) => {
    const service = await udpService(t, extendedAnswer(mailboxes))
    const QUOTAD = `quotad:127.0.0.1:${service.port}`

    for (const scanning of [true, false]) {
      t.test(`${scanning ? 'with' : 'without'} a scanner`, async (t) => {
        const stage = buildStage(t)
        const run = (envelope: Buffer, more: Readonly<Record<string, string>> = {}) => {
          const settings = { QUOTAD, ...(scanning && { QHPSI: stage.scanner }), ...more }
          return runSlot({ program, message: plain, envelope, errorFd: 6, settings })
        }

        t.test('the sender is informed if all recipients are over quota', async (t) => {
          const result = await run(to('full', 'more'), { ERROR_FD: '6' })
          t.equal(result.code, 82)
          const text = 'ZQuota exceeded for all recipients, try again later (#4.2.2)'
          t.equal(result.errorText.toString(), text)
          t.match(
            result.logged,
            /^onescan: decision=defer scan=skipped grounds=over-quota reason="all recipients are over quota" /,
          )
          t.match(
            result.logged,
            / quota_ms=\S+ exit=82 size=\d+ msgid=\S+ from=<a@example.net> to=<full@example.org> rcpts=2 /,
          )
          t.equal(stage.scans(), 0, 'and nothing is scanned')
          t.same(result.left, [])
          t.equal((await run(to('full'))).code, 71, 'without ERROR_FD')
        })

        t.test('if one recipient has room, the mail goes on to all', async (t) => {
          const { code, deliveries } = await run(to('full', 'half', 'more'))
          t.equal(code, 0)
          t.equal(deliveries.length, 1)
          t.equal(deliveries[0]?.recipients.length, 3)
          if (!scanning) t.ok(deliveries[0]!.message.equals(plain), 'byte for byte')
        })

        t.test('relay clients are asked about by QUOTARELAY alone', async (t) => {
          t.equal((await run(to('full'), { RELAYCLIENT: '' })).code, 0)
          t.equal((await run(to('full'), { RELAYCLIENT: '', QUOTARELAY: 'ask' })).code, 71)
        })

        t.test("qmail-send's own bounces pass", { skip: lacks('root') }, async (t) =>
          t.equal((await run(to('full'), { BOUNCEUSER: 'root' })).code, 0),
        )

        // promise: step-quota-only
        t.test('a dead service costs its time, and no mail', async (t) => {
          const dead = await udpService(t, () => undefined)
          const { code, logged } = await run(to('full'), {
            QUOTAD: `quotad:127.0.0.1:${dead.port}`,
            QUOTATIMEOUT: '50',
          })
          t.equal(code, 0)
          t.match(logged, /quota: no answer (in 50 ms|for all recipients in 200 ms)/)
          t.ok(dead.heard.length > 0)
        })
      })
    }

    t.test('the size of the message counts', async (t) => {
      const message = Buffer.alloc(500_001, 'x\n')
      const settings = { QUOTAD }
      t.equal((await runSlot({ program, message, envelope: to('half'), settings })).code, 71)
    })

    // promise: step-quota-only
    t.test('without a scanner any bytes pass as they are', async (t) => {
      for (const message of [
        Buffer.alloc(0),
        Buffer.from('\0\r\r\nFrom x'),
        Buffer.alloc(3_000_000, 'a: b\n'),
      ]) {
        const mail = { message, envelope: to('half', 'nobody') }
        const { code, deliveries } = await runSlot({ program, ...mail, settings: { QUOTAD } })
        t.equal(code, 0)
        t.ok(deliveries[0]!.message.equals(message), `${message.length} bytes`)
      }
    })

    // promise: step-quota-only
    t.test('no service is asked for a client that gives up', async (t) => {
      const before = service.heard.length
      const envelope = Buffer.from('Fa@example.org\0Tfull@example.org\0')
      t.equal((await runSlot({ program, envelope, settings: { QUOTAD } })).code, 54)
      t.equal(service.heard.length, before)
    })
  })
}
