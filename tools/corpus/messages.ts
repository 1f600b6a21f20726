import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { Bytes } from '../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../src/mail/message/spool.ts'
import { contentsOf } from '../../src/mail/mime/contents.ts'
import { ordinaryMails } from '../../test/cases/ordinary/all.ts'
import { evasions } from '../../test/scanner/scan/scanners/evasions/all.ts'
import { messageOf } from '../../test/scanner/scan/scanners/evasions/compose.ts'
import { signs, signsIn } from '../../test/scanner/scan/scanners/evasions/files.ts'
import type { ListedMessage } from './manifest.ts'

export interface CorpusMessage extends Pick<ListedMessage, 'name' | 'group' | 'kind' | 'file'> {
  readonly message: Buffer
  /** Programs that are known to open it and are not asked. */
  readonly openedBy?: string
}

/** Yields the messages of the tests: those that hide a file, in lines that end in LF, and the ordinary ones. */
export function* corpusMessages(): Generator<CorpusMessage> {
  for (const [kind, list] of Object.entries(evasions)) {
    for (const evasion of list) {
      const { name, openedBy } = evasion
      const file = `hiding/${slugOf(kind)}/${fileName(name)}`
      const message = messageOf(evasion, '\n')
      yield { name, group: 'hiding', kind, file, message, ...(openedBy && { openedBy }) }
    }
  }
  for (const { what: name, message } of ordinaryMails.filter(({ isForSize }) => !isForSize)) {
    const file = `ordinary/${fileName(name)}`
    yield { name, group: 'ordinary', kind: 'ordinary', file, message: message() }
  }
}

/** Returns the names of hidden files among the contents of a message, in the order of their table. */
export function hiddenIn(message: Buffer): string[] {
  const found = new Set<string>()
  const openFile = () => openAnonymousFile(tmpdir())
  for (const step of contentsOf(Bytes.of(message), { createHash, openFile })) {
    if (step.kind !== 'content') continue
    for (const name of signsIn(Buffer.concat([...step.bytes.chunks()]))) found.add(name)
  }
  return signs.map(({ name }) => name).filter((name) => found.has(name))
}

const SLUG_MAX = 80

/** Names differ in signs that no file name should have, so a digest keeps them apart. */
function fileName(name: string): string {
  return `${slugOf(name)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}.eml`
}

function slugOf(name: string): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? []
  return words.join('-').slice(0, SLUG_MAX).replace(/-$/, '')
}
