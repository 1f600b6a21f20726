import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTheWire } from '../../programs/smtp-session.ts'
import { compiled } from '../compile.ts'
import { cpuOfServers } from '../server-cpu.ts'
import type { Workshop } from '../workshop.ts'
import { type Name, SESSIONS, type Stream } from './contestants.ts'
import { type Lane, untilIdle } from './field.ts'

/** One turn of a contestant. */
export interface Measurement {
  readonly contestant: Name
  readonly stream: Stream
  readonly round: number
  /** From the start of the sender to its end. */
  readonly seconds: number
  /** Milliseconds of processor time of milter and clamd for all of them. */
  readonly cpu: number
}

/** Sends the messages of a stream; throws where one of them was not accepted. */
export async function measure(
  { contestant, postfix, servers }: Lane,
  stream: Stream,
  round: number,
  workshop: Workshop,
): Promise<Measurement> {
  const command = commandOf(stream, postfix.port, workshop)
  const before = { time: performance.now(), cpu: cpuOfServers(servers) }
  await run(command)
  const seconds = (performance.now() - before.time) / 1000
  const cpu = cpuOfServers(servers) - before.cpu
  await untilIdle(postfix)
  return { contestant: contestant.name, stream, round, seconds, cpu }
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
