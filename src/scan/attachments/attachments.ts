import { printable } from '../../runtime/printable.ts'
import type { ScanPolicy } from '../shared/scan-policy.ts'
import {
  clean,
  type Scanner,
  type ScanTask,
  type Specimen,
  unknown,
  type Verdict,
} from '../shared/scanner.ts'
import { searchContents } from './contents.ts'
import { loadRules, type Rules } from './rules.ts'
import { searchMessage } from './search.ts'

/** Characters of a name that go into the verdict, and with it into the SMTP reply. */
const SHOWN_MAX = 80

/**
 * Plugin `attachments`: refuses banned file names, MIME types and programs, by the
 * control file that BADATTACHMENTS names (rules.ts has its format). Names are seen in
 * every part of multiparts and attached messages, in any encoding, and wherever some reader
 * of mail may see one besides (SECONDLOOK), uuencode among it; archives and winmail.dat are
 * not opened: ban their names or types.
 *
 * Where readers of mail may disagree about what parts there are, it could not tell, or
 * with BADMIME=accept answers by what it saw and notes the reason. A file of rules that
 * cannot be used is a Fault of kind `config`; one that can is read once.
 */
export function attachmentsScanner({ attachments }: ScanPolicy): Scanner {
  /** The same for all messages, and nobody changes it; two that come first read it twice. */
  let known: Rules | undefined
  const rulesOnce = async () => {
    known ??= await loadRules(attachments.rulesFile)
    return known
  }
  return {
    name: 'attachments',
    local: true,
    async prepare() {
      await rulesOnce()
    },
    async scan(specimen, task): Promise<Verdict> {
      const rules = await rulesOnce()
      const first = await searchMessage(chunksOf(specimen, task), rules)
      const second =
        first.banned === undefined ? await searchContents(specimen, rules, task) : first
      const { banned } = second
      const defect = first.defect ?? second.defect
      task.signal.throwIfAborted()
      if (banned !== undefined) {
        return { answer: 'infected', name: `attachment ${shown(banned)}`, banned: true }
      }
      if (defect === undefined) return clean
      if (attachments.malformed === 'defer') return unknown(`attachments: ${defect}`)
      task.note(`attachments: ${defect}`)
      return clean
    },
  }
}

/** Bytes that are looked at before anything else gets a turn. */
const TURN = 512 * 1024

async function* chunksOf(specimen: Specimen, { signal }: ScanTask): AsyncGenerator<Buffer> {
  let turn = 0
  for (const chunk of specimen.chunks()) {
    signal.throwIfAborted()
    yield chunk
    turn += chunk.length
    if (turn < TURN) continue
    turn = 0
    await new Promise(setImmediate)
  }
}

/** Printable ASCII of bounded length; the end of a long name says more than its middle. */
function shown(name: string): string {
  const text = printable(name)
  if (text.length <= SHOWN_MAX) return text
  return `${text.slice(0, SHOWN_MAX / 2 - 3)}...${text.slice(-SHOWN_MAX / 2)}`
}
