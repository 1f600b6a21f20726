import t from 'tap'
import { FrameReader, uint32 } from '../../../src/scanner/protocol/frames.ts'

/** The memory for frames that come in pieces: a client decides how long they are. */

t.test(
  'frames in pieces take the memory of one, which is charged once and given back',
  async (t) => {
    const charged: number[] = []
    let held = 0
    const reader = new FrameReader({
      readHead: (head) => ({ type: 'x', length: head.readUInt32BE(1) }),
      memory: {
        charge(bytes) {
          charged.push(bytes)
          held += bytes
        },
        release: (memory) => {
          held -= memory.length
        },
      },
    })
    const KIB = 1024
    const send = (length: number, piece: number) => {
      const bytes = Buffer.alloc(length, length)
      reader.push(Buffer.concat([Buffer.from('x'), uint32(length)]))
      for (let at = 0; at < length; at += piece) {
        t.equal(reader.next(), undefined)
        reader.push(bytes.subarray(at, at + piece))
      }
      t.ok(reader.next()?.payload.equals(bytes))
    }
    send(64 * KIB, KIB)
    send(64 * KIB, KIB)
    t.same(charged.splice(0), [64 * KIB], 'one memory for both')
    reader.push(Buffer.concat([Buffer.from('x'), uint32(300 * KIB), Buffer.alloc(KIB)]))
    t.equal(reader.next(), undefined)
    t.same([charged.length, held], [0, 64 * KIB], 'a length alone costs no memory')
    reader.push(Buffer.alloc(299 * KIB))
    t.equal(reader.next()?.payload.length, 300 * KIB)
    t.same([charged.splice(0), held], [[300 * KIB], 300 * KIB])
    t.equal(reader.next(), undefined)
    t.equal(held, 0, 'a large one is not kept for the next')
    send(1000, 100)
    t.same(charged, [1000])
    reader.close()
    t.equal(held, 0)
  },
)
