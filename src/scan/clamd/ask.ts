import type { Sample } from '../shared/scanner.ts'
import type { ClamdAddress } from './address.ts'
import type { ClamdOutcome, ClamdPacket } from './clamd-outcome.ts'
import { type ClamdReply, readReply, type Submission } from './clamd-reply.ts'
import { type Converse, type ConverseMany, converse } from './converse.ts'
import { streamPackets } from './instream.ts'

/** Asks about the server itself. The answer is the reply without its NUL, as in clamd(8) ("PONG"). */
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
 * Sends `size` bytes by INSTREAM. A chunk is used only until the next one is asked for. If the bytes
 * have to be sent again, `chunks` is iterated anew.
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
 * Sends several small contents at once, each by an INSTREAM of its own. Undefined if the server takes
 * only one command on a connection.
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
 * Has clamd read open files from their beginning (FILDES, clamd(8)); it needs no right to open them.
 * Each function is called when its descriptor is sent; the descriptors stay open here. Undefined if
 * the server takes only one command on a connection.
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

/** The command FILDES with its descriptor, and the further byte that clamd expects with one. */
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
