import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errorText, errorTextAt, Fault } from '../../../base/errors/fault.ts'
import { PathHandle } from '../../../base/path/path-handle.ts'
import { writeWholeInThread } from '../../../base/process/descriptors.ts'
import type { QuarantineRecord } from '../../scan/quarantine/record.ts'
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
    const place = dirname(file)
    // In a Maildir, mail programs never see half of it.
    const isMaildir = /^(?:new|cur)$/.test(basename(place))
    const aside = isMaildir ? join(dirname(place), 'tmp') : place
    const written = join(aside, `.${this.#record.id}.${process.pid}`)
    try {
      const handle = await open(written, 'wx', 0o600)
      try {
        for (const piece of bytes()) await writeWholeInThread(handle, piece)
        const time = new Date(this.#record.delivered ?? this.#record.time)
        await handle.utimes(time, time)
        await this.#giveTo(handle)
        await handle.sync()
        await link(written, file)
      } finally {
        await handle.close()
        await unlink(written).catch(() => {})
      }
    } catch (error) {
      const remedy = 'send it to an address instead'
      throw new Fault('next-hop', `${file}: ${errorTextAt(file, error)}; ${remedy}`, error)
    }
    await syncDirectory(place).catch((error) => {
      throw new MaybeTaken(`${file}: ${errorTextAt(place, error)}`)
    })
    return ''
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

async function syncDirectory(path: string): Promise<void> {
  const directory = await PathHandle.findInThread(path)
  await directory.sync().finally(() => directory.close())
}
