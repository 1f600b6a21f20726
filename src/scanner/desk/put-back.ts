import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { errorText, errorTextAt, Fault } from '../../base/errors/fault.ts'
import { PathHandle } from '../../base/path/path-handle.ts'
import { writeWholeInThread } from '../../base/process/descriptors.ts'
import type { QuarantineRecord } from '../scan/quarantine/record.ts'
import { MaybeTaken, type OutgoingMail, type ReleaseRoute } from './send-again.ts'

/**
 * The way of mail that `onescan scan --again` has moved: back to its file in the mailbox, with its owner and mode, and
 * with its time, by which mail programs sort it. It had been delivered before, so it is not sent: filters would handle it twice.
 */
export class PutBack implements ReleaseRoute {
  readonly text: string
  readonly #record: QuarantineRecord

  constructor(record: QuarantineRecord & { readonly file: string }) {
    this.text = record.file
    this.#record = record
  }

  /** Rejects with a Fault if there is a file already, or if this account may not write it there as it was. */
  async handOn({ bytes }: OutgoingMail): Promise<string> {
    const file = this.text
    const opened: PathHandle[] = []
    const keepOpen = async (found: Promise<PathHandle>) => {
      const handle = await found
      opened.push(handle)
      return handle
    }
    try {
      // In a Maildir, mail programs never see half of it.
      const isMaildir = /^(?:new|cur)$/.test(basename(dirname(file)))
      const place = await keepOpen(PathHandle.findWithoutLinks(dirname(file)))
      const maildir = isMaildir ? await keepOpen(place.findInThread('..')) : undefined
      const aside = maildir === undefined ? place : await keepOpen(maildir.findInThread('tmp'))
      await this.#write(bytes, aside.at(`.${this.#record.id}.${process.pid}`), place)
      await place.sync().catch((error) => {
        throw new MaybeTaken(`${file}: ${errorTextAt(dirname(file), error)}`)
      })
      return ''
    } catch (error) {
      if (error instanceof MaybeTaken) throw error
      const remedy = 'send it to an address instead'
      throw new Fault('next-hop', `${file}: ${errorTextAt(file, error)}; ${remedy}`, error)
    } finally {
      for (const handle of opened) handle.close()
    }
  }

  /** Writes the message to a file of its own, which then has its name in `place`. */
  async #write(bytes: OutgoingMail['bytes'], written: string, place: PathHandle): Promise<void> {
    const handle = await open(written, 'wx', 0o600)
    try {
      for (const piece of bytes()) await writeWholeInThread(handle, piece)
      const time = new Date(this.#record.delivered ?? this.#record.time)
      await handle.utimes(time, time)
      await this.#giveTo(handle)
      await handle.sync()
      await link(written, place.at(basename(this.text)))
    } finally {
      await handle.close()
      await unlink(written).catch(() => {})
    }
  }

  /** Restores the file's owner and mode, so that the same people can read it as before. */
  async #giveTo(handle: FileHandle): Promise<void> {
    const { owner = '', mode = '' } = this.#record
    const [uid, gid] = owner.split(':').map(Number)
    if (uid === undefined || gid === undefined || !/^0[0-7]{3}$/.test(mode)) return
    const own = await handle.stat()
    if (own.uid !== uid || own.gid !== gid) {
      await handle.chown(uid, gid).catch((error) => {
        throw new Error(`the owner ${owner} cannot be restored: ${errorText(error)}`)
      })
    }
    await handle.chmod(Number.parseInt(mode, 8))
  }
}
