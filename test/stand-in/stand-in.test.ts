import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { callSlot, type SlotCall } from './smtpd/call-slot.ts'
import {
  compiledQueue,
  deliveries,
  leftBehind,
  makeMaildir,
  recordedCalls,
  scriptQueue,
} from './stand-in.ts'

const compiled = compiledQueue()
const standIns = [
  { name: 'in JavaScript', program: scriptQueue, skip: false as const },
  { name: 'in C', program: compiled ?? '', skip: !compiled && 'install Debian package gcc' },
]

const message = Buffer.from('Subject: hello\n\nbody\n')
const envelope = Buffer.from('Fsender@example.org\0Tone@example.org\0Ttwo@example.org\0\0')

for (const { name, program, skip } of standIns) {
  t.test(`the stand-in qmail-queue ${name}`, { skip, jobs: 1 }, async (t) => {
    const call = (maildir: string, setup: Partial<SlotCall> = {}) =>
      callSlot({
        program: [program],
        message,
        envelope,
        ...setup,
        environment: { PATH: process.env.PATH, MAILDIR: maildir, ...setup.environment },
      })

    t.test('delivers every byte of message and envelope', async (t) => {
      const maildir = freshMaildir(t)
      const bytes = Buffer.concat([randomBytes(200_000), Buffer.from('\r\n\0no final newline')])
      const before = Math.floor(Date.now() / 1000) * 1000
      const outcome = await call(maildir, { message: bytes })
      t.equal(outcome.code, 0, outcome.log.toString())
      const [delivery, ...more] = deliveries(maildir)
      t.equal(more.length, 0)
      t.ok(delivery?.message.equals(bytes))
      t.ok(delivery?.envelope.equals(envelope))
      t.equal(delivery?.sender, 'sender@example.org')
      t.same(delivery?.recipients, ['one@example.org', 'two@example.org'])

      const line = delivery?.received.toString() ?? ''
      const [, pid, uid, day, time] =
        /^Received: \(qmail (\d+) invoked by uid (\d+)\); ([1-3]?\d [A-Z][a-z]{2} \d{4}) (\d\d:\d\d:\d\d) -0000\n$/.exec(
          line,
        ) ?? []
      t.equal(Number(pid), outcome.pid, line)
      t.equal(Number(uid), process.getuid?.())
      const date = Date.parse(`${day} ${time} UTC`)
      t.ok(date >= before && date <= Date.now())
    })

    t.test('queues nothing from an envelope cut at any byte', async (t) => {
      const maildir = freshMaildir(t)
      const short = Buffer.from('Fa@b\0Tc@d\0\0')
      for (let length = 0; length < short.length; length++) {
        const { code } = await call(maildir, { envelope: short.subarray(0, length) })
        t.equal(code, 54, `${length} bytes`)
      }
      t.same(leftBehind(maildir), [])
    })

    t.test('knows no other letters than F and T', async (t) => {
      const maildir = freshMaildir(t)
      for (const wrong of ['X\0\0', '\0', 'Fa\0Xb\0\0', 'Fa\0Fb\0\0', 'Ta\0\0']) {
        const { code } = await call(maildir, { envelope: Buffer.from(wrong) })
        t.equal(code, 91, JSON.stringify(wrong))
      }
      t.same(leftBehind(maildir), [])
    })

    t.test('takes addresses of 1,002 bytes and not one more', async (t) => {
      const longest = 'a'.repeat(1002)
      const maildir = freshMaildir(t)
      const send = async (wire: string) =>
        (await call(maildir, { envelope: Buffer.from(wire) })).code
      t.equal(await send(`F${longest}a\0Tb\0\0`), 11)
      t.equal(await send(`Fa\0T${longest}a\0\0`), 11)
      t.equal(await send(`Fa\0T${longest}a`), 11, 'known before its end')
      t.same(leftBehind(maildir), [])
      t.equal(await send(`F${longest}\0T${longest}\0\0`), 0)
      t.same(deliveries(maildir)[0]?.recipients, [longest])
    })

    t.test('does not wait after the last NUL', async (t) => {
      const maildir = freshMaildir(t)
      const outcome = await call(maildir, { keepEnvelopeOpen: true, timeout: 20_000 })
      t.equal(outcome.timedOut, false)
      t.equal(outcome.code, 0)
      const trailing = Buffer.concat([envelope, Buffer.from('Tthree@example.org\0\0')])
      t.equal((await call(maildir, { envelope: trailing })).code, 0)
      for (const delivery of deliveries(maildir)) t.ok(delivery.envelope.equals(envelope))
    })

    t.test('leaves nothing if the disk is full', async (t) => {
      const maildir = freshMaildir(t)
      const limited = `trap '' XFSZ; ulimit -f 8; exec "$0"`
      const { code } = await call(maildir, {
        program: ['/bin/sh', '-c', limited, program],
        message: Buffer.alloc(100_000, 'x'),
      })
      t.equal(code, 53)
      t.same(leftBehind(maildir), [])
    })

    t.test('reads everything and ends with STANDIN_EXIT', async (t) => {
      const maildir = freshMaildir(t)
      const big = Buffer.alloc(1_000_000, 'x')
      const outcome = await call(maildir, { message: big, environment: { STANDIN_EXIT: '71' } })
      t.equal(outcome.code, 71)
      t.equal(outcome.handedOver, true)
      t.same(leftBehind(maildir), [])
    })

    t.test('records how it was called', async (t) => {
      const maildir = freshMaildir(t)
      const file = join(maildir, 'calls')
      const odd = 'a "quoted" \\ value\nwith lines'
      const outcome = await call(maildir, {
        program: [program, 'one', 'two words'],
        environment: { STANDIN_RECORD: file, ODD: odd },
      })
      const [recorded] = recordedCalls(file)
      t.equal(recorded?.pid, outcome.pid)
      t.same(recorded?.arguments, ['one', 'two words'])
      t.equal(recorded?.environment.ODD, odd)
      t.equal(recorded?.environment.MAILDIR, maildir)
    })
  })
}

function freshMaildir(t: Test): string {
  const { path, remove } = makeMaildir()
  t.teardown(remove)
  return path
}
