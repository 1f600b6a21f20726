import { closeSync, openSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { createBudget } from '../../../src/doors/shared/limits/memory-budget.ts'
import { frame, uint32, uint64 } from '../../../src/doors/slot-socket/frames.ts'
import { GoCold } from '../../../src/doors/slot-socket/go-cold.ts'
import { type Request, SlotRequestReader } from '../../../src/doors/slot-socket/request.ts'
import { framesOf, simpleEnvelope, simpleMessage } from './client.ts'

const MIB = 1024 * 1024
const cold = (why: string) => new GoCold(why)

function read(pieces: readonly Buffer[], maxSize = MIB, memory = 4 * MIB): Request | undefined {
  const reader = new SlotRequestReader({
    maxSize,
    charge: createBudget(memory, cold).open().charge,
  })
  for (const piece of pieces) reader.push(piece)
  return reader.request
}

const question = framesOf({ variables: { QHPSI: 'plugin: eicar', RELAYCLIENT: '' } })
const [version, qhpsi, relay, reply, time, envelope, size, body, end] = question as [
  Buffer,
  ...Buffer[],
] &
  Buffer[]

t.test('a request is the same however its bytes arrive', async (t) => {
  const bytes = Buffer.concat(question)
  const wanted: Request = {
    variables: new Map([
      ['QHPSI', 'plugin: eicar'],
      ['RELAYCLIENT', ''],
    ]),
    takesReply: false,
    timeLeft: 60_000,
    envelope: simpleEnvelope,
    size: simpleMessage.length,
    message: simpleMessage,
  }
  for (let at = 0; at <= bytes.length; at++) {
    t.same(read([bytes.subarray(0, at), bytes.subarray(at)]), wanted, `cut at ${at}`)
  }
  t.same(read(Array.from(bytes, (byte) => Buffer.of(byte))), wanted)
})

t.test('a message may come in any number of frames', async (t) => {
  const parts = framesOf({ message: Buffer.alloc(200_000, 'x') })
  t.same(read(parts)?.message, Buffer.alloc(200_000, 'x'))
  t.equal(read(framesOf({ message: Buffer.alloc(0) }))?.size, 0)
})

t.test(
  'a message is handed over without its bytes, and asked for if no descriptor came',
  async (t) => {
    const message = Buffer.from('Subject: x\n\nx')
    const asked = Buffer.concat(framesOf({ offset: 1024, size: message.length }))
    const charged: number[] = []
    const limits = { maxSize: MIB, charge: (bytes: number) => charged.push(bytes) }
    const descriptor = openSync('/dev/null', 'r')
    const handed = new SlotRequestReader(limits)
    handed.handOver(descriptor)
    handed.push(asked)
    t.same(handed.request?.message, { descriptor, offset: 1024, size: message.length })
    handed.free()
    t.throws(() => closeSync(descriptor), { code: 'EBADF' }, 'it is closed')

    const sent = new SlotRequestReader(limits)
    for (const byte of asked) sent.push(Buffer.of(byte))
    t.equal(sent.request, undefined)
    t.ok(sent.wantsBytes)
    sent.push(Buffer.concat([frame('M', message), frame('.')]))
    t.same(sent.request?.message, message)
    t.notOk(sent.wantsBytes)
    for (const wrong of [
      frame('F', uint64(7)),
      frame('S', uint64(7)),
      frame('M', Buffer.alloc(100)),
    ]) {
      const reader = new SlotRequestReader(limits)
      reader.push(asked)
      t.throws(() => reader.push(wrong), GoCold)
    }
  },
)

t.test('the time left is known before the message has come', async (t) => {
  const reader = new SlotRequestReader({ maxSize: MIB, charge: () => {} })
  for (const piece of [version, reply, time, envelope]) reader.push(piece!)
  t.equal(reader.timeLeft, undefined)
  reader.push(size!)
  t.equal(reader.timeLeft, 60_000)
  t.equal(reader.request, undefined)
})

const wrong: Record<string, readonly (Buffer | undefined)[]> = {
  'another version': [frame('1', Buffer.from('osc2'))],
  'no version': [reply],
  'the version twice': [version, version],
  'a tag that is not known': [version, frame('Z')],
  'no byte for the reply': [version, time],
  'the reply is neither yes nor no': [version, frame('R', Buffer.of(2))],
  'a number of other length': [version, reply, frame('D', Buffer.alloc(3))],
  'a variable behind the variables': [version, reply, qhpsi],
  'a variable without a name': [version, frame('V', Buffer.from('=x'))],
  'a variable without a value': [version, frame('V', Buffer.from('QHPSI'))],
  'a variable with a NUL': [version, frame('V', Buffer.from('QHPSI=\0'))],
  'a variable twice': [version, relay, relay],
  'a variable over 64 KiB': [version, frame('V', Buffer.alloc(65_537, 'x'))],
  '257 variables': [
    version,
    ...Array.from({ length: 257 }, (_, i) => frame('V', Buffer.from(`V${i}=`))),
  ],
  'no size': [version, reply, time, envelope, body],
  'a size over 2^53': [version, reply, time, envelope, frame('S', Buffer.alloc(8, 255))],
  'a size over the limit': [version, reply, time, envelope, frame('S', uint64(MIB + 1))],
  'a message without an envelope': [version, reply, time, size],
  'an envelope over 64 MiB': [
    version,
    reply,
    time,
    Buffer.concat([Buffer.from('E'), uint32(64 * MIB + 1)]),
  ],
  'an offset of other length': [version, reply, time, envelope, frame('F', Buffer.alloc(9))],
  'a file and the message, too': [...framesOf({ offset: 0 }).slice(0, -1), body],
  'more than the size': [version, reply, time, envelope, size, body, body],
  'less than the size': [version, reply, time, envelope, size, end],
  'a part over 1 MiB': [
    version,
    reply,
    time,
    envelope,
    size,
    Buffer.concat([Buffer.from('M'), uint32(MIB + 1)]),
  ],
  'an end with something in it': [
    version,
    reply,
    time,
    envelope,
    size,
    body,
    frame('.', Buffer.of(0)),
  ],
  'a frame behind the end': [...question, end],
  'a byte behind the end': [...question, Buffer.of(0)],
  'a byte right behind the end': [Buffer.concat([...question, Buffer.of(0)])],
}

for (const [what, frames] of Object.entries(wrong)) {
  t.test(`bytes are refused as a request: ${what}`, async (t) => {
    t.throws(() => read(frames.map((frame) => frame!)), GoCold)
  })
}

t.test('half a request is none', async (t) => {
  const bytes = Buffer.concat(question)
  for (let at = 0; at < bytes.length; at++) t.equal(read([bytes.subarray(0, at)]), undefined)
})

t.test('any bytes are a request, its beginning, or refused with a reason', async () => {
  const frames = fc.array(
    fc.oneof(
      fc.constantFrom(...question),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(frames, (frames) => {
      try {
        read(frames)
      } catch (error) {
        if (!(error instanceof GoCold)) throw error
      }
    }),
  )
})

t.test('memory is charged before it is allocated, and all of it is given back', async (t) => {
  const budget = createBudget(100_000, cold)
  const lease = budget.open()
  const reader = new SlotRequestReader({ maxSize: MIB, charge: lease.charge })
  for (const piece of [version, reply, time, envelope]) reader.push(piece!)
  t.throws(() => reader.push(frame('S', uint64(100_000))), /--memory/)
  const other = budget.open()
  t.throws(() => other.charge(100_000), GoCold, 'the envelope is paid for')
  lease.close()
  lease.close()
  t.equal(budget.used, 0)
  other.charge(100_000)
})
