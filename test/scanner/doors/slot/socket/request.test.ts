import { tmpdir } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import { Budget, type MemoryLease } from '../../../../../src/base/flow/memory-budget.ts'
import { Intake } from '../../../../../src/mail/message/intake.ts'
import {
  type Request,
  SlotRequestReader,
} from '../../../../../src/scanner/doors/slot/socket/request.ts'
import { ScanStandalone } from '../../../../../src/scanner/doors/slot/socket/scan-standalone.ts'
import { uint32 } from '../../../../../src/scanner/protocol/frames.ts'
import { frame, uint64 } from '../../../../../src/scanner/protocol/slot/slot-frames.ts'
import { framesOf, simpleEnvelope, simpleMessage } from './client.ts'

const MIB = 1024 * 1024
const options = {
  spool: { directory: tmpdir(), sharedDirectory: undefined },
}

function readerFor(lease: MemoryLease, maxSize = MIB): SlotRequestReader {
  const openIntake = (size: number) => new Intake(options, lease, size)
  return new SlotRequestReader({ maxSize, lease, openIntake })
}

const anyBudget = (): Budget => new Budget(4 * MIB)

function read(pieces: readonly Buffer[]): Request | undefined {
  const reader = readerFor(anyBudget().open())
  for (const piece of pieces) reader.push(piece)
  return reader.request
}

/** The request with the bytes of its message. */
function readWhole(pieces: readonly Buffer[]): Omit<Request, 'makeMessage'> & { message: Buffer } {
  const { makeMessage, ...request } = read(pieces)!
  const message = makeMessage()
  const bytes = Buffer.concat([message.header.bytes, message.body.gather()])
  message.close()
  return { ...request, message: bytes }
}

const question = framesOf({ variables: { QHPSI: 'plugin: eicar', RELAYCLIENT: '' } })
const [version, qhpsi, relay, reply, time, envelope, size, body, end] = question
const beforeEnvelope = [version, reply, time]
const beforeSize = [...beforeEnvelope, envelope]
/** The beginning of a frame, which shows how long it is. */
const headOf = (type: string, length: number) => Buffer.concat([Buffer.from(type), uint32(length)])

t.test('a request is the same however its bytes arrive', async (t) => {
  const bytes = Buffer.concat(question)
  const wanted = {
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
    const pieces = [bytes.subarray(0, at), bytes.subarray(at)]
    t.same(readWhole(pieces), wanted, `cut at ${at}`)
  }
  t.same(readWhole(Array.from(bytes, (byte) => Buffer.of(byte))), wanted)
})

t.test('a message may come in any number of frames, of any size', async (t) => {
  for (const size of [0, 1, 200_000, MIB]) {
    const message = Buffer.alloc(size, 'Subject: x\n\na line\n')
    const whole = readWhole(framesOf({ message }))
    t.equal(whole.size, size)
    t.ok(whole.message.equals(message), `${size} bytes`)
  }
})

t.test('the time left is known before the message has come', async (t) => {
  const reader = readerFor(anyBudget().open())
  for (const piece of beforeSize) reader.push(piece!)
  t.equal(reader.timeLeft, undefined)
  reader.push(size!)
  t.equal(reader.timeLeft, 60_000)
  t.equal(reader.request, undefined)
})

const wrong: Record<string, readonly (Buffer | undefined)[]> = {
  'another version': [frame('1', Buffer.from('osc2'))],
  'no version': [reply],
  'the version twice': [version, version],
  'a type that is not known': [version, frame('Z')],
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
  'no size': [...beforeSize, body],
  'a size over 2^53': [...beforeSize, frame('S', Buffer.alloc(8, 255))],
  'a size over the limit': [...beforeSize, frame('S', uint64(MIB + 1))],
  'a message without an envelope': [...beforeEnvelope, size],
  'an envelope over 64 MiB': [...beforeEnvelope, headOf('E', 64 * MIB + 1)],
  'a file that is handed over': [...beforeSize, frame('F', uint64(0))],
  'more than the size': [...beforeSize, size, body, body],
  'less than the size': [...beforeSize, size, end],
  'a part over 64 KiB': [...beforeSize, size, headOf('M', 64 * 1024 + 1)],
  'an end with something in it': [...beforeSize, size, body, frame('.', Buffer.of(0))],
  'a frame behind the end': [...question, end],
  'a byte behind the end': [...question, Buffer.of(0)],
  'a byte right behind the end': [Buffer.concat([...question, Buffer.of(0)])],
}

for (const [what, frames] of Object.entries(wrong)) {
  t.test(`bytes are refused as a request: ${what}`, async (t) => {
    t.throws(() => read(frames.map((frame) => frame!)), {
      name: 'ScanStandalone',
      message: /\w \w/,
    })
  })
}

t.test('half a request is not a request', async (t) => {
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
        if (!(error instanceof ScanStandalone)) throw error
      }
    }),
  )
})

t.test('memory is charged before it is allocated, and all of it is given back', async (t) => {
  const budget = new Budget(300_000)
  const lease = budget.open()
  const reader = readerFor(lease)
  for (const piece of beforeSize) reader.push(piece!)
  const before = budget.used
  t.ok(before >= simpleEnvelope.length)
  reader.push(frame('S', uint64(1_000_000)))
  t.ok(budget.used >= before + 64 * 1024, 'a piece of the message')
  const other = budget.open()
  t.throws(() => other.charge(300_000 - before), /--memory/)
  reader.free()
  lease.close()
  t.equal(budget.used, 0)
  other.charge(150_000)
})

t.test('a freed reader holds no message, even if the reader is still referenced', async (t) => {
  const reader = readerFor(new Budget(1_000_000).open())
  for (const piece of [...beforeSize, frame('S', uint64(3)), frame('M', Buffer.from('a\n\n'))]) {
    reader.push(piece!)
  }
  reader.push(frame('.'))
  t.ok(reader.request)
  reader.free()
  t.equal(reader.request, undefined)
})
