import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Postfix } from '../../programs/postfix.ts'
import { onTheWire } from '../../programs/smtp-session.ts'
import { compiled } from '../compile.ts'
import type { Workshop } from '../workshop.ts'
import { type Contestant, type Name, SESSIONS, type Stream } from './contestants.ts'
import { untilIdle } from './field.ts'

/** One turn of a contestant. */
export interface Measurement {
  readonly contestant: Name
  readonly stream: Stream
  readonly round: number
  /** From the start of the sender to its end. */
  readonly seconds: number
}

/** Sends the messages of a stream; throws where one of them was not accepted. */
export async function measure(
  contestant: Contestant,
  stream: Stream,
  round: number,
  postfix: Postfix,
  workshop: Workshop,
): Promise<Measurement> {
  const command = commandOf(stream, postfix.port, workshop)
  const before = performance.now()
  await run(command)
  const seconds = (performance.now() - before) / 1000
  await untilIdle(postfix)
  return { contestant: contestant.name, stream, round, seconds }
}

function commandOf(stream: Stream, port: number, workshop: Workshop): string[] {
  const { sender, size, messages } = stream
  const amount = ['-s', String(SESSIONS), '-m', String(messages)]
  if (sender === 'smtp-source') {
    const addresses = ['-f', 'sender@example.net', '-t', 'postmaster@example.org']
    return [sender, ...amount, '-l', String(size.bytes), ...addresses, `inet:127.0.0.1:${port}`]
  }
  const letter = join(workshop.directory, 'letter')
  writeFileSync(letter, onTheWire(readFileSync(workshop.message('trusted-hmac', size))))
  return [compiled('send'), ...amount, String(port), letter]
}

async function run([program = '', ...words]: readonly string[]): Promise<void> {
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr.on('data', (piece: Buffer) => errors.push(piece))
  const [code, signal] = await once(child, 'close')
  if (code !== 0)
    throw new Error(`${program} ended with ${code ?? signal}: ${Buffer.concat(errors)}`)
}
