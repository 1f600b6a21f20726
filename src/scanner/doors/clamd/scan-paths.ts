import { errorText, Fault } from '../../../base/errors/fault.ts'
import { editToBind, NAMES_UNSEEN_FILES } from '../../../base/systemd/bound-paths.ts'
import type { Ending } from '../../protocol/clamd/requests.ts'
import type { ContentReply } from '../../protocol/clamd/write-reply.ts'
import type { FollowedLinks } from '../../scan/scanners/contract/scanner.ts'
import { type ClamdClient, Content, notScanned } from './clamd-content.ts'
import type { ClamdServices } from './clamd-services.ts'
import {
  type ClientFile,
  findClientFile,
  NoRegularFile,
  NotReadable,
  OutsideUnit,
  readDescriptor,
} from './client-files.ts'

/** Maximum depth of nested folders; clamd.conf(5), MaxDirectoryRecursion. */
const FOLDERS_MAX = 15

/** The client that sends the request by a unix socket, and the signal that it has left. */
export interface Asker {
  readonly services: ClamdServices
  readonly client: ClamdClient
  readonly uid: number
  readonly gone: AbortSignal
}

/** Judges what a descriptor leads to, and closes it. Resolves to the reply, which begins with `subject`. */
export async function scanDescriptor(
  descriptor: number,
  subject: string,
  { services, client, uid, gone }: Asker,
): Promise<ContentReply> {
  const content = new Content(services, client, subject)
  let left = services.maxSize
  let isOver = false
  try {
    await readDescriptor(descriptor, uid, gone, (piece) => {
      left -= piece.length
      if (left >= 0 && !isOver) content.write(piece)
      return left >= 0 && !isOver
    })
    return left < 0 ? content.refuseSize() : await content.judge(gone)
  } catch (error) {
    isOver = true
    if (error instanceof NoRegularFile)
      return { subject, kind: 'failed', reason: 'Not a regular file' }
    content.fail(error instanceof Fault ? error : new Fault('read', errorText(error)))
    return await content.judge(gone)
  } finally {
    isOver = true
    content.close()
  }
}

/**
 * Judges a file, or one after the other all files in a folder and its subfolders, where links are followed as
 * by clamd. Passes to `send` each reply that is not clean as soon as it is known, or one clean reply. With
 * `isFirstOnly` it passes one reply: the first finding, or else the first failure.
 *
 * A reply begins with the path as the client has named it, and the names below it.
 */
export async function scanPath(
  path: string,
  asker: Asker,
  isFirstOnly: boolean,
  send: (reply: ContentReply) => void,
): Promise<void> {
  let trouble: ContentReply | undefined
  let isClean = true
  const named = withoutEmptyNames(path)
  const { services } = asker
  const walk: PathWalk = {
    namesLeft: services.maxNames,
    began: services.uptime(),
    links: { followsFiles: true, followsFolders: true },
    isOver: false,
    isCut: false,
  }
  for await (const reply of repliesAbout(Buffer.from(named, 'latin1'), named, asker, walk)) {
    if (asker.gone.aborted) return
    if (reply.kind === 'clean') continue
    isClean = false
    if (!isFirstOnly) send(reply)
    else if (reply.kind === 'found') return send(reply)
    else trouble ??= reply
  }
  if (trouble !== undefined) send(trouble)
  else if (isClean) send({ subject: named, kind: 'clean' })
}

/** The remaining budget of one request by path, for all its folders. */
interface PathWalk {
  namesLeft: number
  readonly began: number
  /** The links that are followed: to the path that the client names all, and below it those that clamd follows. */
  links: FollowedLinks
  /** Set once no more files are scanned. */
  isOver: boolean
  /** Whether a reply was that names were left out. */
  isCut: boolean
}

/**
 * Yields the replies about a file, or about all files in a folder. `subject` is the path that the client
 * knows; `within` are the paths of the folders that lead to it.
 */
async function* repliesAbout(
  location: Buffer,
  subject: string,
  asker: Asker,
  walk: PathWalk,
  within: readonly string[] = [],
): AsyncGenerator<ContentReply> {
  const { services, uid, gone } = asker
  const isNamed = within.length === 0
  let found: ClientFile
  try {
    if (services.uptime() - walk.began > services.timeouts.folder) throw new FolderTooLong()
    const { links, namesLeft } = walk
    found = await findClientFile(location, uid, gone, { links, namesMax: namesLeft })
  } catch (error) {
    walk.isOver = error instanceof FolderTooLong
    // Links and sockets in a folder are not files, and the client did not name them.
    if (isNamed || !(error instanceof NoRegularFile)) yield failure(subject, error, asker)
    return
  }
  const { path, descriptor, names = [], hasMore = false } = found
  walk.namesLeft -= names.length
  if (descriptor !== undefined) yield await scanDescriptor(descriptor, subject, asker)
  const folder = path.toString('latin1')
  if (within.includes(folder)) return // a link has led back
  if (names.length > 0 && within.length === FOLDERS_MAX) yield failure(subject, undefined, asker)
  else {
    if (isNamed && names.length > 0) walk.links = services.followedLinks()
    for (const name of names) {
      if (gone.aborted || walk.isOver) return
      const entry = Buffer.concat([path, SLASH, name])
      const named = `${subject === '/' ? '' : subject}/${name.toString('latin1')}`
      yield* repliesAbout(entry, named, asker, walk, [...within, folder])
    }
  }
  if (hasMore && !walk.isCut) {
    walk.isCut = true
    yield failure(subject, new TooManyNames(services.maxNames), asker)
  }
}

/** Returns a path without the slashes that clamd removes: all but one in front, and those at the end. */
function withoutEmptyNames(path: string): string {
  let from = 0
  let to = path.length
  while (path.startsWith('//', from)) from++
  while (to > from + 1 && path[to - 1] === '/') to--
  return path.slice(from, to)
}

/** The files of a path exceed the time limit. */
class FolderTooLong extends Error {}
/** The folders of a path have more names than may be looked at. */
class TooManyNames extends Error {
  readonly most: number

  constructor(most: number) {
    super()
    this.most = most
  }
}

const SLASH = Buffer.from('/')

function failure(subject: string, error: unknown, { services, uid }: Asker): ContentReply {
  if (error instanceof OutsideUnit) {
    const place = printable(error.path)
    const remedy = `configure it to send the content instead (doc/clamd-clients.md), or ${editToBind('onescand', place)}`
    services.complain(`user ${uid} ${NAMES_UNSEEN_FILES}: ${place}; ${remedy}`)
  }
  return { subject, kind: 'failed', reason: whyNot(error) }
}

function whyNot(error: unknown): string {
  if (error instanceof OutsideUnit)
    return 'File path check failure: not visible in the unit of onescand.'
  if (error instanceof NotReadable) return `File path check failure: ${error.message}.`
  if (error instanceof NoRegularFile) return 'Not supported file type'
  if (error instanceof TooManyNames) return `More than ${error.most} files.`
  if (error instanceof FolderTooLong) return 'The files take too long.'
  if (error instanceof Fault) return notScanned(error.kind)
  return error === undefined ? 'Folders too deep.' : 'File path check failure.'
}

/** Returns a path that forges no line of a reply with this ending. */
export const pathInReply = (path: string, ending: Ending) =>
  ending === '\0' ? path : printable(path)

const printable = (path: string) => path.replace(/[\0-\x1f\x7f]/g, '?')
