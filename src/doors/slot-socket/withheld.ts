import { connect } from 'node:net'
import type { Withheld } from '../../verdicts/poison/poison.ts'
import { createFrameReader, frame, uint32 } from './frames.ts'
import { VERSION, WITHHELD } from './request.ts'

/**
 * Bytes of the answer: the number of messages, and the seconds until the first and the last of them
 * is scanned again.
 */
const LENGTH = 12
const NOTHING: Withheld = { messages: 0, soonest: 0, latest: 0 }

/**
 * Makes onescand's answer, doc/design.md. It has only numbers in it, since any client may
 * ask.
 */
export function withheldFrame({ messages, soonest, latest }: Withheld = NOTHING): Buffer {
  const seconds = (milliseconds: number) => Math.ceil(milliseconds / 1000)
  return frame(WITHHELD, uint32(messages, seconds(soonest), seconds(latest)))
}

/**
 * Asks the onescand at a socket which messages it withholds from scanners. Resolves with undefined
 * if it does not know the question. Rejects if nobody answers within so many milliseconds. Any
 * process may listen there, so nothing but three numbers is accepted.
 */
export function askWithheld(path: string, within: number): Promise<Withheld | undefined> {
  return new Promise((resolve, reject) => {
    let answer: Withheld | undefined
    const socket = connect({ path, allowHalfOpen: true })
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), within)
    const reader = createFrameReader({
      room(tag, length) {
        if (tag !== WITHHELD || length !== LENGTH) throw new Error('another answer')
        return Buffer.alloc(LENGTH)
      },
      take(_, payload) {
        const [messages, soonest, latest] = [0, 4, 8].map((at) => payload.readUInt32BE(at))
        answer = { messages: messages!, soonest: soonest! * 1000, latest: latest! * 1000 }
        socket.destroy()
      },
    })
    socket.on('connect', () => {
      socket.write(Buffer.concat([frame('1', Buffer.from(VERSION)), frame(WITHHELD)]))
    })
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk)
      } catch {
        socket.destroy() // an onescand that does not know the question
      }
    })
    socket.on('end', () => socket.destroy())
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(answer)
    })
  })
}
