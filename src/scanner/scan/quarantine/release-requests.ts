import { createHash } from 'node:crypto'
import { readFile, unlink } from 'node:fs/promises'
import { attempt } from '../../../base/errors/fault.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { writeFileIn } from './files.ts'
import { openOrMakeFolder } from './folders.ts'
import { NotDone } from './not-done.ts'
import { ownTaker, stillRuns, type TakingProcess } from './taker.ts'

/**
 * The directory of requests to release a message, by the hash of the id that their client gave them. The sweep removes
 * them after some days. No `grounds` may have this name.
 */
export const REQUESTS = 'release.requests'

/** The content of a file in REQUESTS. */
interface NotedRequest {
  /** The hash of what is requested. */
  readonly wanted: string
  readonly taker: TakingProcess
  /** The answer, once the message was or may have been sent. */
  readonly answer?: string
}

/** A request of which this process takes care. Close it at the end. */
interface BegunRequest {
  /** Whether a process that took care of it before was killed. The message may have been sent then. */
  readonly wasInterrupted: boolean
  /** Notes the answer, for all further requests with the id. */
  finish(answer: string): Promise<void>
  /** Forgets the request: nothing was sent, and it may be made again. One that was interrupted before stays so. */
  forget(): Promise<void>
}

/**
 * Begins a request with an id that its client has given it, so that it is done once however often it arrives: RFC draft
 * draft-ietf-httpapi-idempotency-key-header. Resolves to the answer of the earlier one if it has ended. When this resolves
 * to a new request, that is on the disk. Rejects with a NotDone `busy` while another process takes care of it, and
 * `other-request` if the id belongs to a request that wants something else; with a Fault `write` if the disk is full.
 */
export async function beginRequest(
  root: PathHandle,
  id: string,
  wanted: string,
): Promise<BegunRequest | { readonly answer: string }> {
  const folder = await openOrMakeFolder(root, REQUESTS)
  try {
    const name = hashOf(id)
    const own: NotedRequest = { wanted: hashOf(wanted), taker: ownTaker() }
    const wasThere = !(await note(folder, name, own, 'new'))
    const before = wasThere ? await readNoted(folder, name) : undefined
    const refuse = (why: 'busy' | 'other-request', reason: string) => {
      throw new NotDone(why, `the request ${JSON.stringify(id)} ${reason}`)
    }
    if (before !== undefined && before.wanted !== own.wanted)
      refuse('other-request', 'was made before, for something else')
    if (before?.answer !== undefined) return close(folder, { answer: before.answer })
    if (before && stillRuns(before.taker)) refuse('busy', 'is being carried out')
    if (wasThere) await note(folder, name, own, 'again')
    return {
      wasInterrupted: before !== undefined,
      finish: (answer) =>
        note(folder, name, { ...own, answer }, 'again').then(() => close(folder, undefined)),
      forget: () =>
        (wasThere ? Promise.resolve() : unlink(folder.at(name))).finally(() => folder.close()),
    }
  } catch (error) {
    folder.close()
    throw error
  }
}

function close<Value>(folder: PathHandle, value: Value): Value {
  folder.close()
  return value
}

/** Writes a request to its file, as writeFileIn() does. */
const note = (folder: PathHandle, name: string, request: NotedRequest, when: 'new' | 'again') =>
  writeFileIn(folder, name, Buffer.from(JSON.stringify(request)), when)

/** Resolves to undefined if another process has just forgotten the request, or if the file is not one of ours. */
async function readNoted(folder: PathHandle, name: string): Promise<NotedRequest | undefined> {
  const text = await readFile(folder.at(name), 'utf8').catch(() => '')
  const noted = attempt(() => JSON.parse(text) as Partial<NotedRequest> | null)
  return typeof noted?.wanted === 'string' && noted.taker ? (noted as NotedRequest) : undefined
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
