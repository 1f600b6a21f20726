import { closeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { frame } from '../../doors/slot-socket/frames.ts'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import type { HeaderField } from '../../message/edits.ts'
import { editHeader } from '../../message/header-block.ts'
import type { Message } from '../../message/message.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import { entriesIn, type QuarantineEntry, withEntry } from '../../quarantine/entries.ts'
import { type Folder, openQuarantine, withFolder } from '../../quarantine/folders.ts'
import { type OpenEntry, openEntry } from '../../quarantine/open-entry.ts'
import { beginRelease, deleteEntry } from '../../quarantine/release.ts'
import { takeMessage } from '../../scan/take-message.ts'
import { handOn, MaybeTaken, type ReleaseRoute, routeText } from './hand-on.ts'
import { isAlive } from './is-alive.ts'
import { noteAction } from './note-action.ts'

/**
 * The work in a quarantine, by the account that it belongs to. It reads files and says what is in them;
 * what they mean, which of them to show and whether to sign is decided by the command, which may be
 * root's and is another process then (as-owner.ts).
 */

/** What is to be done. The command writes it as the first line. */
export type QuarantineJob = {
  readonly directory: string
  /** Who asks for it, for the quarantine's own log. */
  readonly who: string
} & (
  | {
      readonly act: 'list'
      readonly since?: number | undefined
      readonly until?: number | undefined
    }
  | { readonly act: 'show'; readonly id: string }
  | { readonly act: 'delete'; readonly ids: readonly string[] }
  | ReleaseJob
)

interface ReleaseJob {
  readonly act: 'release'
  readonly id: string
  readonly again: boolean
  /** The recipients instead of those of the record, if there are any. */
  readonly to: readonly string[]
  /** The way on for mail that the slot kept, and for other mail. */
  readonly routes: { readonly slot: ReleaseRoute; readonly other: ReleaseRoute }
}

/** The second line of a release: a field for the top of the message, or none; or nothing may be released. */
export type Approval =
  | { readonly add: readonly HeaderField[]; readonly key?: string | undefined }
  | { readonly refused: true }

/** The types of the frames by which the work answers. */
export const FRAME = {
  /** A message, as JSON: where its file is. Of a message in a list, only the record follows. */
  entry: 'e',
  /** The next bytes of its file. */
  bytes: 'b',
  /** The end of its file. */
  end: 'z',
  /** One message was released or deleted: its id and grounds as JSON. */
  done: 'd',
  /** One thing could not be done: why. */
  failed: 'f',
  /** A warning. */
  warning: 'w',
  /** The end of the work. */
  over: '.',
} as const

/** Bytes of a file in a frame. */
export const PIECE = 256 * 1024

/** Does the work of the first line of `input`, and writes frames. Never rejects but if it cannot write. */
export async function doWork(input: Readable, output: Writable): Promise<void> {
  const lines = createInterface({ input })[Symbol.asyncIterator]()
  const worker = new QuarantineWork(
    output,
    async () => (await lines.next()).value as string | undefined,
  )
  try {
    await worker.run()
  } catch (error) {
    await worker.send(FRAME.failed, errorText(error))
  }
  await worker.send(FRAME.over, '')
  output.end()
}

class QuarantineWork {
  readonly #output: Writable
  readonly #nextLine: () => Promise<string | undefined>

  constructor(output: Writable, nextLine: () => Promise<string | undefined>) {
    this.#output = output
    this.#nextLine = nextLine
  }

  async run(): Promise<void> {
    const job = JSON.parse((await this.#nextLine()) ?? '') as QuarantineJob
    const root = openQuarantine(job.directory)
    try {
      switch (job.act) {
        case 'list':
          return await this.#list(root, { since: job.since, until: job.until })
        case 'show':
          return await withEntry(root, job.id, (entry, folder) =>
            this.#sendEntry(entry, folder).finally(() => folder.close()),
          )
        case 'delete':
          return await this.#delete(root, job.ids, job.who)
        case 'release':
          return await this.#release(root, job, job.who)
      }
    } finally {
      closeSync(root.fd)
    }
  }

  /** Writes a frame. Waits for a slow reader. */
  async send(type: string, payload: Buffer | string): Promise<void> {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    await new Promise<void>((resolve, reject) => {
      this.#output.write(frame(type, bytes), (error) => (error ? reject(error) : resolve()))
    })
  }

  async #list(root: PathHandle, range: Parameters<typeof entriesIn>[1]): Promise<void> {
    const foreign: unknown[] = []
    for (const entry of entriesIn(root, range, (why) => void foreign.push(why))) {
      try {
        await withFolder(root, entry.grounds, entry.day, (folder) =>
          this.#sendEntry(entry, folder, 'record'),
        )
      } catch (error) {
        // Somebody may have released or deleted it meanwhile.
        if (errorCode(error) !== 'ENOENT') await this.#fail(entry.id, error)
      }
    }
    for (const why of foreign) await this.#fail('', why)
  }

  async #sendEntry(entry: QuarantineEntry, folder: Folder, upTo?: 'record'): Promise<void> {
    const opened = await openEntry(folder, entry.part, entry.file)
    const message = upTo === 'record' ? [] : opened.message()
    await this.#sendFile(entry, opened, message).finally(() => opened.close())
  }

  /** Sends the record of a message as it stands in the file, and then what of the message is given. */
  async #sendFile(
    { grounds, day, part, file }: QuarantineEntry,
    { above }: OpenEntry,
    message: AsyncIterable<Buffer> | Iterable<Buffer>,
  ): Promise<void> {
    await this.send(FRAME.entry, JSON.stringify({ grounds, day, part, file }))
    for (const bytes of [[above], message]) {
      for await (const chunk of bytes) {
        for (let at = 0; at < chunk.length; at += PIECE) {
          await this.send(FRAME.bytes, chunk.subarray(at, at + PIECE))
        }
      }
    }
    await this.send(FRAME.end, '')
  }

  async #delete(root: PathHandle, ids: readonly string[], who: string): Promise<void> {
    for (const id of ids) {
      try {
        const { grounds } = await deleteEntry(root, id, isAlive)
        await this.send(FRAME.done, JSON.stringify({ id, grounds }))
        await this.#note(root, [['quarantine', 'delete'], ['kept', id], ['grounds', grounds], ['who', who]]) // biome-ignore format: a line
      } catch (error) {
        await this.#fail('', error)
      }
    }
  }

  /**
   * Hands a message on, once it was approved. Its file is read once: what is approved is what goes, even
   * if the file is written to meanwhile. As soon as the next program may have taken it, nothing makes this
   * a failure: otherwise somebody would release it again.
   */
  async #release(root: PathHandle, job: ReleaseJob, who: string): Promise<void> {
    const attempt = await beginRelease(root, job.id, { again: job.again, isAlive })
    const { record } = attempt.opened
    const recipients = job.to.length > 0 ? job.to : record.recipients
    const route = record.door === 'slot' ? job.routes.slot : job.routes.other
    let key: string | undefined
    let message: Message | undefined
    try {
      message = await takeMessage(attempt.opened.message(), readSpoolPolicy(process.env), [])
      await this.#sendFile(attempt.entry, attempt.opened, bytesOf(message, []))
      const approval = JSON.parse((await this.#nextLine()) ?? '{"refused":true}') as Approval
      if ('refused' in approval) return await attempt.cancel()
      key = approval.key
      await handOn(
        {
          sender: record.sender,
          recipients,
          bytes: () => bytesOf(message!, approval.add),
          inCrlf: message.header.lineEnding === '\r\n',
        },
        route,
      )
    } catch (error) {
      if (error instanceof MaybeTaken) {
        await attempt.leave()
        throw new Fault('chain', `${errorText(error)}; it may have been delivered`, error)
      }
      await attempt.cancel()
      throw error
    } finally {
      message?.close()
    }
    const { grounds } = record
    await attempt.finish().catch((error) => this.#warn(job.id, error))
    await this.send(FRAME.done, JSON.stringify({ id: job.id, grounds }))
    await this.#note(root, [
      ['quarantine', 'release'],
      ['kept', job.id],
      ['grounds', grounds],
      ['found', record.found],
      ['from', `<${record.sender}>`],
      ['to', `<${recipients[0] ?? ''}>`],
      ['rcpts', recipients.length],
      ['by', routeText(route)],
      ['key', key],
      ['who', who],
    ])
  }

  async #note(root: PathHandle, fields: Parameters<typeof noteAction>[1]): Promise<void> {
    try {
      noteAction(root, fields)
    } catch (error) {
      await this.#warn('', error)
    }
  }

  async #warn(id: string, error: unknown): Promise<void> {
    const what = id === '' ? 'quarantine.log' : `${id}: was handed on, and stays in its state`
    await this.send(FRAME.warning, `${what}: ${errorText(error)}`)
  }

  async #fail(id: string, error: unknown): Promise<void> {
    await this.send(FRAME.failed, `${id && `${id}: `}${errorText(error)}`)
  }
}

/** A message with these fields on top. */
function* bytesOf({ header, body }: Message, add: readonly HeaderField[]): Generator<Buffer> {
  yield editHeader(header, { remove: [], add: [...add] })
  yield* body.chunks()
}
