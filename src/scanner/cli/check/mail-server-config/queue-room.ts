import { type CheckLine, failure, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { isReadOnly, roomIn } from '../../../../base/path/room.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { formatSize } from '../../../../base/text/units.ts'

/** Room without which a mail server accepts no mail. */
interface NeededRoom {
  /** The setting that has it, `check_spool_space`. */
  readonly setting: string
  readonly bytes: number
  /** The command that lowers it, if it is more than the file system has. */
  readonly lower?: string
}

/** Each message is a file in the queue, or several while it is delivered. */
const FILES_MIN = 1000

/** Returns a check line if the file system of a mail server's queue takes no mail, or has less room than the server needs. */
export function checkQueueRoom(
  server: string,
  queue: string,
  needs: readonly NeededRoom[],
): CheckLine[] {
  const room = attempt(() => roomIn(queue))
  if (room === undefined) return []
  const { free, size, newFiles } = room
  const what = `queue of ${server}`
  const place = shellWord(queue)
  if (isReadOnly(queue)) {
    const value = `the file system of ${queue} is mounted read-only: ${server} accepts no mail`
    const mount = `mount -o remount,rw "$(findmnt -no TARGET -T ${place})"`
    return [failure(what, value, `dmesg shows whether the disk has errors; if not, ${mount}`)]
  }
  // qmail has no mailq(1).
  const mail = server === 'qmail' ? '' : ', and mailq the mail'
  const remedy = `free space in ${queue}: du -x ${place} shows what fills it${mail}`
  const defers = `${formatSize(free)} free in ${queue}: ${server} defers all mail`
  if (free === 0) return [failure(what, defers, remedy)]
  if (newFiles < FILES_MIN) {
    const level = newFiles === 0 ? failure : warning
    const value = `${queue} has room for ${newFiles} more files: without any, ${server} defers all mail`
    return [level(what, value, remedy)]
  }
  const lacking = needs.find(({ bytes }) => bytes > 0 && bytes >= free)
  if (lacking === undefined) return []
  const { setting, lower } = lacking
  const value = `needs ${formatSize(lacking.bytes)} (${setting}), with ${defers}`
  return [failure(what, value, lower !== undefined && lacking.bytes > size ? lower : remedy)]
}
