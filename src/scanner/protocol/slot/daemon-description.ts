import { type CheckLine, isCheckLine } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import { askOnce } from '../../../base/protocol/connection/ask-once.ts'
import { createFrameReader, DESCRIBE, frame, frameType, PROTOCOL_VERSION } from './slot-frames.ts'

/** The state that an onescand reports to any client: slot-protocol.md. */
interface DaemonAnswer {
  /** Sent only to root and to onescand's own account. */
  readonly daemon?: DaemonDescription | undefined
}

/** The state of an onescand. It keeps secrets in files, which are named here and not shown. */
export interface DaemonDescription {
  /** The first process. */
  readonly pid: number
  /** Its options. */
  readonly args: readonly string[]
  /** The settings of its environment, by name. */
  readonly settings: Readonly<Record<string, string>>
  /** The files of its settings, and of its program, that have changed since it has read them. */
  readonly changed: readonly string[]
  readonly replaced: readonly string[]
  /** Why the lines of its LOGFILE cannot be read. */
  readonly lostLog?: LostLog | undefined
  /** The result of its self-test, if one was requested. */
  readonly selfTest?: DaemonSelfTest
}

/** The state of the file as seen by onescand, in its unit. */
const LOST_LOGS = ['not visible to onescand', 'a device'] as const
export type LostLog = (typeof LOST_LOGS)[number]

/** A self-test by which onescand checks whether mail is scanned. */
interface DaemonSelfTest {
  /** Empty if a clean message was found clean, EICAR was found, and all doors answer. */
  readonly wrong: readonly CheckLine[]
  /** The addresses of the open doors: `milter unix:/run/onescan/milter.sock`. */
  readonly doors: readonly string[]
}

/** Bytes of the longest answer that is read. An environment may have as many. */
const DESCRIPTION_MAX = 4 * 1024 * 1024
/** Upper limit for arguments, files, doors or check lines in it. */
const LIST_MAX = 1_000

/** Returns the frame that answers askForDescription(). A client that is not trusted gets no description. */
export function descriptionFrame(daemon: DaemonDescription | undefined): Buffer {
  return frame(DESCRIBE, Buffer.from(JSON.stringify({ daemon } satisfies DaemonAnswer)))
}

/**
 * Requests the description of the onescand at a socket, with a self-test if `wantsSelfTest`. Resolves to
 * undefined if another program answers. Any process may listen there. Rejects if there is no answer within
 * the given milliseconds.
 */
export async function askForDescription(
  path: string,
  within: number,
  wantsSelfTest = false,
): Promise<DaemonAnswer | undefined> {
  const reader = createFrameReader((type, length) => {
    if (type !== DESCRIBE || length > DESCRIPTION_MAX) throw new Error('another answer')
  })
  const read = (chunk: Buffer) => {
    reader.push(chunk)
    try {
      return reader.next()?.payload
    } catch {
      return OTHER // it does not support the request
    }
  }
  const asked = frame(DESCRIBE, Buffer.from(wantsSelfTest ? [1] : []))
  const question = Buffer.concat([frame(frameType.version, Buffer.from(PROTOCOL_VERSION)), asked])
  const payload = await askOnce({ path, allowHalfOpen: true }, question, read, within)
  return payload && readDescription(payload)
}

const OTHER = Buffer.alloc(0)

/** Parses an answer. Returns undefined if it has another form. */
function readDescription(payload: Buffer): DaemonAnswer | undefined {
  const answer = attempt((): unknown => JSON.parse(payload.toString()))
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return undefined
  const { daemon } = answer as Partial<DaemonAnswer>
  return isDescription(daemon) ? { daemon } : {}
}

function isDescription(value: unknown): value is DaemonDescription {
  const { pid, args, settings, changed, replaced, lostLog, selfTest } = objectOf(value)
  return (
    Number.isSafeInteger(pid) &&
    [args, changed, replaced].every(areTexts) &&
    areTexts(Object.values(objectOf(settings))) &&
    (lostLog === undefined || LOST_LOGS.some((lost) => lost === lostLog)) &&
    (selfTest === undefined || isSelfTest(selfTest))
  )
}

function isSelfTest(value: unknown): boolean {
  const { wrong, doors } = objectOf(value)
  return areTexts(doors) && isList(wrong) && wrong.every(isCheckLine)
}

const objectOf = (value: unknown) =>
  (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>

const isList = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.length <= LIST_MAX

const areTexts = (value: unknown) =>
  isList(value) && value.every((text) => typeof text === 'string')
