import { createHash } from 'node:crypto'
import { contentsOf } from '../../mime/contents.ts'
import type { PartHeader as MimeHeader } from '../../mime/part-header.ts'
import { findTraits } from '../second-look/find-traits.ts'
import type { ScanTask, Specimen } from '../shared/scanner.ts'
import { isExecutable, MAGIC_LENGTH } from './executable.ts'
import { readPartHeader } from './part-header.ts'
import type { Rules } from './rules.ts'
import { type Findings, PARTS_MAX } from './search.ts'

/**
 * Looks for what is banned wherever any reader of mail may see a name, a type or a
 * content: where they are known to differ about the message, or in each (SECONDLOOK). Where
 * nobody wants a second look, nothing is found.
 */
export async function searchContents(
  specimen: Specimen,
  rules: Rules,
  { contents: wanted, signal }: ScanTask,
): Promise<Findings> {
  const search: { banned: string | undefined; headers: number } = { banned: undefined, headers: 0 }
  if (wanted === undefined) return { banned: undefined, defect: undefined }
  if (wanted.when === 'odd') {
    const until = {
      isOver: () => signal.aborted,
      isEnough: (found: ReadonlySet<unknown>) => found.size > 0,
    }
    const traits = await findTraits(specimen, until)
    if (traits?.size === 0) return { banned: undefined, defect: undefined }
  }

  function judgeHeader({ fields }: MimeHeader): void {
    if (search.banned !== undefined || fields.length === 0) return
    if (++search.headers > PARTS_MAX) return
    const { names, types } = readPartHeader(textOf(fields), 'text/plain')
    const type = types.find(rules.bansType)
    search.banned = names.find(rules.bansName) ?? (type && `type ${type}`)
  }

  const options = {
    createHash,
    openFile: wanted.openFile,
    onHeader: judgeHeader,
    onName(name: string) {
      if (rules.bansName(name)) search.banned ??= name
    },
  }
  for (const step of contentsOf(specimen, options)) {
    if (step.kind === 'over') return { banned: search.banned, defect: step.why }
    if (step.kind === 'turn') await new Promise(setImmediate)
    signal.throwIfAborted()
    if (step.kind === 'content' && rules.bansExecutables) {
      if (isExecutable(frontOf(step.content.chunks()))) search.banned ??= 'content executable'
    }
    if (search.banned !== undefined) return { banned: search.banned, defect: undefined }
  }
  const many = search.headers > PARTS_MAX ? `more than ${PARTS_MAX} parts` : undefined
  return { banned: search.banned, defect: many }
}

function textOf(fields: MimeHeader['fields']): Buffer {
  return Buffer.from(fields.map(({ name, value }) => `${name}:${value}`).join(''), 'latin1')
}

function frontOf(chunks: Iterable<Buffer>): Buffer {
  const front: Buffer[] = []
  let length = 0
  for (const chunk of chunks) {
    front.push(Buffer.from(chunk.subarray(0, MAGIC_LENGTH - length)))
    length += chunk.length
    if (length >= MAGIC_LENGTH) break
  }
  return Buffer.concat(front)
}
