import type { Sample } from '../shared/scanner.ts'
import type { ClamdAddress } from './address.ts'
import type { ClamdOutcome, ClamdPacket } from './clamd-connection.ts'
import { type ClamdReply, readReply, type Submission } from './clamd-reply.ts'
import { type Converse, type ConverseMany, converse } from './converse.ts'
import { streamPackets } from './instream.ts'

/** A question about the server itself: its reply without the NUL, as clamd(8) has it ("PONG"). */
export async function askClamd(
  address: ClamdAddress,
  command: 'PING' | 'VERSION',
  signal: AbortSignal,
): Promise<ClamdOutcome<string>> {
  const outcome = await converse(address, inOnePiece(`z${command}\0`), signal)
  if (outcome.kind !== 'answered') return outcome
  const { bytes } = outcome.answer
  const end = bytes.indexOf(0)
  return { kind: 'answered', answer: bytes.toString('latin1', 0, end < 0 ? bytes.length : end) }
}

/** Has clamd read the file itself; `path` is absolute and names a regular file. */
export async function scanPath(
  address: ClamdAddress,
  path: string,
  signal: AbortSignal,
  ask: Converse = converse,
): Promise<ClamdOutcome<ClamdReply>> {
  const outcome = await ask(address, inOnePiece(`zSCAN ${path}\0`), signal)
  if (outcome.kind !== 'answered') return outcome
  return { kind: 'answered', answer: readReply(outcome.answer.bytes, 'path') }
}

/**
 * Sends the bytes, `size` of them, by INSTREAM. A chunk is used only until the next one is
 * asked for; all of them are asked for anew where they have to be sent again.
 */
export async function scanStream(
  address: ClamdAddress,
  chunks: Iterable<Buffer>,
  signal: AbortSignal,
  size?: number,
  ask: Converse = converse,
): Promise<ClamdOutcome<ClamdReply>> {
  const outcome = await ask(address, () => streamPackets(chunks, size), signal)
  if (outcome.kind !== 'answered') return outcome
  const { bytes, sentAll } = outcome.answer
  const reply = readReply(bytes, 'stream')
  if (sentAll || reply.says !== 'clean') return { kind: 'answered', answer: reply }
  const text = 'called it clean before it had the whole message'
  return { kind: 'answered', answer: { says: 'trouble', text } }
}

/**
 * Sends several small contents by INSTREAM at once, each with its bytes. Undefined if the server
 * takes one command a connection.
 */
export async function scanStreams(
  contents: readonly Pick<Sample, 'size' | 'chunks'>[],
  signal: AbortSignal,
  ask: ConverseMany,
): Promise<ClamdOutcome<readonly ClamdReply[]> | undefined> {
  const commands = contents.map(({ size, chunks }) => {
    return Buffer.concat([...streamPackets(chunks(), size)].map((packet) => Buffer.from(packet)))
  })
  const packet = Buffer.concat(commands)
  return readReplies(await ask(() => [packet].values(), commands.length, signal), 'stream')
}

/**
 * Has clamd read files from their first bytes on, whatever it may open itself: FILDES, clamd(8),
 * a command for each. The descriptors stay open here; each is asked for when it is sent. Undefined as
 * above.
 */
export async function scanDescriptors(
  descriptors: readonly (() => number)[],
  signal: AbortSignal,
  ask: ConverseMany,
): Promise<ClamdOutcome<readonly ClamdReply[]> | undefined> {
  const packets = function* () {
    for (const descriptor of descriptors) yield fildes(descriptor())
  }
  return readReplies(await ask(packets, descriptors.length, signal), 'descriptor')
}

/** The command with its descriptor, and the byte that brings one where it comes by itself. */
export function fildes(descriptor: number): ClamdPacket {
  return { bytes: Buffer.from('zFILDES\0\0'), descriptor }
}

function readReplies(
  outcome: Awaited<ReturnType<ConverseMany>>,
  about: Submission,
): ClamdOutcome<readonly ClamdReply[]> | undefined {
  if (outcome?.kind !== 'answered') return outcome
  return { kind: 'answered', answer: outcome.answer.map((reply) => readReply(reply, about)) }
}

function inOnePiece(command: string): () => Iterator<Buffer> {
  return () => [Buffer.from(command)].values()
}
