import { PassThrough, type Readable, type Writable } from 'node:stream'
import { createFrameReader } from '../../doors/slot-socket/frames.ts'
import { Fault } from '../../ground/errors/fault.ts'
import { withPath } from '../../ground/path/walk.ts'
import { leaveBehindForOthers } from '../../ground/process/leave-behind.ts'
import { passwdEntries, readPasswd } from '../../ground/process/passwd.ts'
import { ownCommand } from '../../ground/runtime/compiled-program.ts'
import { entryAt, type QuarantineEntry } from '../../quarantine/entries.ts'
import { commandAs, startApart } from '../shared/as-account.ts'
import { type Approval, doWork, FRAME, PIECE, type QuarantineJob } from './work.ts'

/** The hidden command that does the work in a quarantine of another account. */
export const WORK = 'quarantine-work'

/** Milliseconds without an answer. */
const PATIENCE = 30_000
/** The same once a release was approved: more than a next server or program may take. */
const PATIENCE_TO_RELEASE = 330_000
/** Milliseconds for the whole work: the owner could send messages without end. */
const IN_ALL = 3_600_000
/** The most bytes of a frame that is not of a file. */
const TEXT_MAX = 16 * 1024
/** The most bytes of all files together: the records of millions of messages, or any one message. */
const ANSWER_MAX = 4 * 1024 ** 3
/** The most failures and warnings of an answer. */
const COMPLAINTS_MAX = 1000

/** A part of the answer. What the owner of a quarantine says is only text, and never obeyed. */
export type WorkAnswer =
  | {
      readonly kind: 'file'
      readonly entry: QuarantineEntry
      readonly bytes: AsyncGenerator<Buffer>
    }
  | { readonly kind: 'done'; readonly id: string; readonly grounds: string }
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'warning'; readonly text: string }

/** The conversation with what works in a quarantine. */
export interface WorkConversation {
  /** The answer. A file that was not read to its end is skipped. Rejects with a Fault if it breaks off. */
  answers(): AsyncGenerator<WorkAnswer>
  /** Answers the file of a message that is to be released. */
  approve(approval: Approval): void
}

/**
 * Has a job done in a quarantine, by the account that it belongs to. Root does not become that account:
 * a process of it is started in a session of its own, without a terminal, keys, open files or variables
 * of root's, and killed if it does not answer in time. Throws a Fault if there is no such directory, and
 * what `mayBe` throws of the account.
 */
export async function workAsOwner<Result>(
  job: QuarantineJob,
  use: (conversation: WorkConversation) => Promise<Result>,
  mayBe: (owner: number) => void = () => {},
): Promise<Result> {
  const { directory } = job
  if (!directory.startsWith('/')) {
    throw new Fault('config', `--directory ${directory}: must be an absolute path`)
  }
  const owner = process.geteuid!() === 0 ? ownerOf(directory) : 0
  if (owner !== 0) {
    mayBe(owner)
    leaveBehindForOthers()
  }
  const { input, output, stop } = owner === 0 ? workHere() : startChild(owner)
  try {
    input.write(`${JSON.stringify(job)}\n`)
    let patience = PATIENCE
    return await use({
      answers: () => answersIn(framesOf(output, () => patience)),
      approve(approval) {
        patience = PATIENCE_TO_RELEASE
        input.write(`${JSON.stringify(approval)}\n`)
      },
    })
  } finally {
    stop()
  }
}

/** The account that owns a directory. */
function ownerOf(directory: string): number {
  return withPath(directory, ({ stats }) => stats.uid)
}

interface Streams {
  readonly input: Writable
  readonly output: Readable
  stop(): void
}

/** The work in this process, if it has no more rights than the owner. */
function workHere(): Streams {
  const input = new PassThrough()
  const output = new PassThrough()
  doWork(input, output).catch((error) => output.destroy(error))
  return { input, output, stop: () => input.end() }
}

function startChild(uid: number): Streams {
  // Never the group root: what is of it may be root's alone otherwise.
  const gid = [...passwdEntries(readPasswd())].find((entry) => entry.uid === uid)?.gid || uid
  const { child, stdin, stdout, end } = startApart(
    commandAs(uid, [gid], ownCommand('onescan', WORK)),
    {
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      errors: 'ignore',
    },
  )
  child.on('error', (error) => stdout.destroy(error))
  return { input: stdin, output: stdout, stop: end }
}

interface WorkFrame {
  readonly type: string
  readonly payload: Buffer
}

async function* framesOf(output: Readable, patience: () => number): AsyncGenerator<WorkFrame> {
  let whole: WorkFrame[] = []
  let length = 0
  const reader = createFrameReader({
    room(type, length) {
      if (length <= (type === FRAME.bytes ? PIECE : TEXT_MAX)) return Buffer.allocUnsafe(length)
      throw brokenOff(`a frame of ${length} bytes`)
    },
    take: (type, payload) => void whole.push({ type, payload }),
  })
  for await (const chunk of inTime(output, patience)) {
    reader.push(chunk)
    const frames = whole
    whole = []
    for (const taken of frames) {
      if (taken.type === FRAME.over) return
      length += taken.payload.length
      if (length > ANSWER_MAX) throw brokenOff(`it has more than ${ANSWER_MAX} bytes`)
      yield taken
    }
  }
  throw brokenOff('it ended too early')
}

/** Reads a stream. Throws a Fault if nothing comes for `patience()` milliseconds, or it never ends. */
async function* inTime(output: Readable, patience: () => number): AsyncGenerator<Buffer> {
  const chunks = output[Symbol.asyncIterator]()
  const end = performance.now() + IN_ALL
  for (;;) {
    const late = setTimeout(() => output.destroy(brokenOff('no answer in time')), patience())
    const { value, done } = await chunks.next().finally(() => clearTimeout(late))
    if (done) return
    if (performance.now() > end) throw brokenOff('it does not end')
    yield value
  }
}

async function* answersIn(frames: AsyncGenerator<WorkFrame>): AsyncGenerator<WorkAnswer> {
  let complaints = 0
  for (;;) {
    const { value, done } = await frames.next()
    if (done) return
    const { type, payload } = value
    if (type === FRAME.failed || type === FRAME.warning) complaints++
    if (complaints > COMPLAINTS_MAX)
      throw brokenOff(`it has more than ${COMPLAINTS_MAX} complaints`)
    if (type === FRAME.failed) yield { kind: 'failed', text: payload.toString() }
    else if (type === FRAME.warning) yield { kind: 'warning', text: payload.toString() }
    else if (type === FRAME.done) yield { kind: 'done', ...textsIn(payload, 'id', 'grounds') }
    else if (type === FRAME.entry) {
      const next = piecesIn(frames)
      yield { kind: 'file', entry: entryIn(payload), bytes: untilEnd(next) }
      while ((await next()) !== undefined); // what the command did not read
    } else throw brokenOff(`a frame ${JSON.stringify(type)}`)
  }
}

/** Returns a function that resolves with the next bytes of a file, and with undefined at its end. */
function piecesIn(frames: AsyncGenerator<WorkFrame>): () => Promise<Buffer | undefined> {
  let hasEnded = false
  return async () => {
    if (hasEnded) return undefined
    const { value, done } = await frames.next()
    hasEnded = done === true || value.type !== FRAME.bytes
    if (done) throw brokenOff('half a file')
    if (value.type === FRAME.bytes) return value.payload
    if (value.type === FRAME.end) return undefined
    throw brokenOff(value.type === FRAME.failed ? value.payload.toString() : 'half a file')
  }
}

async function* untilEnd(next: () => Promise<Buffer | undefined>): AsyncGenerator<Buffer> {
  for (;;) {
    const piece = await next()
    if (piece === undefined) return
    yield piece
  }
}

function entryIn(payload: Buffer): QuarantineEntry {
  const { grounds, day, part, file } = textsIn(payload, 'grounds', 'day', 'part', 'file')
  const isPart = part === 'new' || part === 'cur' || part === 'tmp'
  const entry = isPart ? entryAt({ grounds, day, part, file }) : undefined
  if (entry === undefined) throw brokenOff('a name that is not a message')
  return entry
}

function textsIn<Name extends string>(
  payload: Buffer,
  ...names: readonly Name[]
): Record<Name, string> {
  let value: Record<string, unknown> | null
  try {
    value = JSON.parse(payload.toString())
  } catch {
    throw brokenOff('no JSON')
  }
  const texts = names.map((name) => [name, value?.[name]] as const)
  if (!texts.every(([, text]) => typeof text === 'string')) throw brokenOff('something unknown')
  return Object.fromEntries(texts) as Record<Name, string>
}

function brokenOff(why: string): Fault {
  return new Fault('read', `the work in the quarantine broke off: ${why}`)
}
