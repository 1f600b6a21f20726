import { Bytes } from '../../../../mail/message/bytes.ts'
import {
  packetOfStreams,
  type SizedContent,
  streamPackets,
} from '../../../protocol/clamd/stream.ts'
import { clean, type ScanResult, unknown, worse } from '../findings/scan-result.ts'
import { type ClamdReply, type NoAccess, readReply, type Transfer } from './read-reply.ts'
import type { ClamdCommands, ClamdPacket, ClamdReplies } from './session.ts'

/**
 * Returns an INSTREAM command (clamd(8)) for each content. Several are sent in one packet, so they must be
 * small.
 */
export function streamsOf(contents: readonly SizedContent[]): ClamdCommands<ScanResult> {
  const [first] = contents
  const packets = () =>
    contents.length === 1
      ? streamPackets(first!.chunks(), first!.size)
      : [packetOfStreams(contents)]
  return { count: contents.length, packets, read: (replies) => readReplies(replies, 'stream') }
}

/**
 * Returns an INSTREAM of one byte. clamd needs its TemporaryDirectory for it, and its answer shows
 * immediately if it cannot write there.
 */
const streamProbe = (): Buffer => packetOfStreams([Bytes.of(Buffer.from('\n'))])
const PROBE_TAKEN: Buffer = Buffer.from('stream: OK\0')

/**
 * Returns commands that make clamd read open files from their beginning (FILDES, clamd(8)). clamd needs no
 * right to open them. Each function is called when its descriptor is sent. The descriptors stay open here.
 */
export function descriptorsOf(descriptors: readonly (() => number)[]): ClamdCommands<ClamdReply> {
  return {
    count: descriptors.length,
    packets: () => descriptorPackets(descriptors),
    read: (replies) => readReplies(replies, 'descriptor'),
  }
}

function* descriptorPackets(descriptors: readonly (() => number)[]): Generator<ClamdPacket> {
  // clamd expects a further byte with each descriptor.
  for (const descriptor of descriptors) {
    yield { bytes: Buffer.from('zFILDES\0\0'), descriptor: descriptor() }
  }
}

/**
 * Returns commands followed by a stream of one byte. A clamd that cannot write its temporary files
 * reports descriptors as clean without a scan (measured with 1.4.3: a full disk, a directory without write
 * permission), but not streams.
 */
export function probed(commands: ClamdCommands<ClamdReply>): ClamdCommands<ClamdReply> {
  return {
    count: commands.count + 1,
    packets: () => withProbe(commands.packets()),
    read({ replies, hasSentAll }) {
      const result = commands.read({ replies: replies.slice(0, -1), hasSentAll })
      if (result.answer !== 'clean' || replies.at(-1)!.equals(PROBE_TAKEN)) return result
      return unknown('cannot write its temporary files (TemporaryDirectory)')
    },
  }
}

function* withProbe(packets: Iterable<ClamdPacket>): Generator<ClamdPacket> {
  yield* packets
  yield streamProbe()
}

/**
 * Combines the replies to commands that were sent together. A virus takes precedence, then a content that
 * clamd could not access. The result is *clean* only if all contents are, and if all were sent.
 */
function readReplies(all: ClamdReplies, transfer: 'stream'): ScanResult
function readReplies(all: ClamdReplies, transfer: 'descriptor'): ClamdReply
function readReplies({ replies, hasSentAll }: ClamdReplies, transfer: Transfer): ClamdReply {
  let worst: ScanResult = clean
  let noAccess: NoAccess | undefined
  for (const reply of replies) {
    const meaning = readReply(reply, transfer)
    if (meaning.answer === 'no access') noAccess ??= meaning
    else worst = worse(worst, meaning)
  }
  if (noAccess !== undefined && worst.answer !== 'infected') return noAccess
  if (worst.answer !== 'clean' || hasSentAll) return worst
  return unknown('reported it as clean before it had the whole message')
}
