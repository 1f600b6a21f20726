import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uint32 } from '../../../src/scanner/protocol/frames.ts'
import { createFrameReader, frame, uint64 } from '../../../src/scanner/protocol/slot/slot-frames.ts'
import type { Ending } from '../../programs/host/server.ts'

/** A daemon by the protocol of slot-protocol.md, whose answers a test writes, right or wrong. */

export interface Frame {
  readonly type: string
  readonly payload: Buffer
}

/** One conversation. */
export interface Talk {
  readonly connection: Socket
  /** The client's frames so far. */
  readonly heard: readonly Frame[]
  /** Settles with all frames once the last one is here. */
  readonly question: Promise<readonly Frame[]>
  send(...words: readonly Buffer[]): void
  /** Sends the last frames and hangs up. */
  end(...words: readonly Buffer[]): void
}

export interface ScriptedDaemon {
  readonly socket: string
  /** Every conversation that was begun. */
  readonly talks: readonly Talk[]
}

export async function scriptedDaemon(
  t: Ending,
  script: (talk: Talk) => unknown,
): Promise<ScriptedDaemon> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-script-'))
  const socket = join(directory, 's')
  const talks: Talk[] = []
  const server = createServer((connection) => {
    const talk = listen(connection)
    talks.push(talk)
    void script(talk)
  })
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => {
    for (const { connection } of talks) connection.destroy()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { socket, talks }
}

function listen(connection: Socket): Talk {
  const heard: Frame[] = []
  let asked = (_: readonly Frame[]) => {}
  const question = new Promise<readonly Frame[]>((resolve) => {
    asked = resolve
  })
  const reader = createFrameReader((_, length) => Buffer.alloc(length))
  connection.on('data', (chunk: Buffer) => {
    reader.push(chunk)
    for (let next = reader.next(); next; next = reader.next()) {
      heard.push({ type: next.type, payload: Buffer.from(next.payload) }) // it is used again
      if (next.type === '.') asked(heard)
    }
  })
  connection.on('error', () => {}) // a client that goes standalone hangs up
  return {
    connection,
    heard,
    question,
    send: (...words) => void connection.write(Buffer.concat(words)),
    end: (...words) => void connection.end(Buffer.concat(words)),
  }
}

export const acknowledgement = frame('A')
export const heartbeat = frame('h')
export const standalone = (why: string) => frame('C', Buffer.from(why, 'latin1'))

export const bodyAt = (offset: number) => frame('B', uint64(offset))
export const keep = (offset: number, length: number) => frame('k', uint32(offset, length))
export const insert = (text: string) => frame('i', Buffer.from(text, 'latin1'))
export const otherEnvelope = (wire: string) => frame('e', Buffer.from(wire, 'latin1'))
export const logLine = (line: string) => frame('l', Buffer.from(line, 'latin1'))
export const code = (number: number) => frame('c', Buffer.of(number))
export const replyText = (text: string) => frame('t', Buffer.from(text, 'latin1'))
export const endMark = frame('.')

export const accept = (...fields: readonly Buffer[]) => frame('a', ...fields, endMark)
export const end = (...fields: readonly Buffer[]) => frame('x', ...fields, endMark)

/** A message, the offset of its body, and an answer that accepts it with another field. */
export const plain = 'Subject: x\nX-QHPSI: forged\n\nbody\n'
export const HEADER: number = plain.indexOf('\n\n') + 2
export const edited = accept(
  bodyAt(HEADER),
  insert('X-QHPSI: clean\n'),
  keep(0, 11),
  keep(27, 1),
  logLine('onescan: judged\n'),
)

/** A script that sends these frames once the whole question is here. */
export const answering =
  (...words: readonly Buffer[]) =>
  async (talk: Talk): Promise<void> => {
    await talk.question
    talk.end(acknowledgement, ...words)
  }
