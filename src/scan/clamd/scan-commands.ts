import { type ClamdReply, readReply, type Submission } from './clamd-reply.ts'
import { streamPackets } from './instream.ts'
import type { ClamdCommands, ClamdReplies } from './session.ts'

/** The bytes of a content. A chunk is used only until the next one is asked for. */
export interface StreamedContent {
  readonly chunks: () => Iterable<Buffer>
  /** Of all chunks together, if it is known: a small content needs a small buffer. */
  readonly size?: number
}

/** Sends each content by an INSTREAM; several go out in one packet, so they must be small. */
export function streamsOf(contents: readonly StreamedContent[]): ClamdCommands {
  const [first] = contents
  const packetsOf = ({ chunks, size }: StreamedContent) => streamPackets(chunks(), size)
  if (contents.length === 1) return { count: 1, packets: () => packetsOf(first!) }
  // All packets of a content share a buffer.
  const copies = contents.flatMap((content) =>
    [...packetsOf(content)].map((packet) => Buffer.from(packet)),
  )
  const packet = Buffer.concat(copies)
  return { count: contents.length, packets: () => [packet].values() }
}

/**
 * Has clamd read open files from their beginning (FILDES, clamd(8)); it needs no right to open them.
 * Each function is called when its descriptor is sent; the descriptors stay open here.
 */
export function descriptorsOf(descriptors: readonly (() => number)[]): ClamdCommands {
  return {
    count: descriptors.length,
    *packets() {
      // clamd expects a further byte with each descriptor.
      for (const descriptor of descriptors) {
        yield { bytes: Buffer.from('zFILDES\0\0'), descriptor: descriptor() }
      }
    },
  }
}

/**
 * Reads the replies to commands that were sent together as one: a virus comes before all else, then that
 * clamd could not take one of the contents; it is *clean* only if all are, and if all was sent.
 */
export function readReplies({ replies, sentAll }: ClamdReplies, about: Submission): ClamdReply {
  const all = replies.map((reply) => readReply(reply, about))
  const first = (says: ClamdReply['says']) => all.find((reply) => reply.says === says)
  const worst = first('infected') ?? first('no-access') ?? all.find(({ says }) => says !== 'clean')
  if (worst !== undefined) return worst
  if (sentAll) return { says: 'clean' }
  return { says: 'trouble', text: 'called it clean before it had the whole message' }
}
