import type { Bytes } from '../../message/bytes.ts'
import type { Steps } from '../budget/work.ts'
import { beginsCalendar } from '../containers/calendar.ts'
import { kindsInFiles } from './embedded-formats.ts'
import type { Extraction } from './extraction.ts'
import { beginsAsMailbox, hasHeader, mailStarts } from './mail-starts.ts'
import { openContainers } from './open-containers.ts'
import { openEmbedded } from './open-embedded.ts'

/** Opens a content, whatever it is. */
export function* openContent(file: Bytes, extraction: Extraction): Steps {
  yield* openContainers(file, extraction)
  yield* openWithin(file, extraction)
}

/** Opens a mailbox, a message, or what is encoded in a text. */
function* openWithin(file: Bytes, extraction: Extraction): Steps {
  if (extraction.scope.kind === 'text') yield* openEmbedded(file, extraction, kindsInFiles)
  else if (beginsAsMailbox(file)) yield* extraction.insideMail((inner) => openMailbox(file, inner))
  else if (yield* isMail(file, extraction))
    yield* extraction.insideMail((inner) => inner.emitMail(file))
  else yield* openEmbedded(file, extraction, kindsInFiles)
}

function* isMail(file: Bytes, extraction: Extraction): Steps<boolean> {
  if (extraction.scope.kind === 'message') return true
  // The properties of a calendar look like fields.
  return !beginsCalendar(file.gather()) && (yield* hasHeader(file, extraction.work))
}

/** Opens each mail of a mailbox (mbox, RFC 4155). */
function* openMailbox(mailbox: Bytes, extraction: Extraction): Steps {
  let from = 0
  for (const { at: to, units } of mailStarts(mailbox)) {
    yield* extraction.work.countUnits(units)
    if (to === undefined) continue
    yield* extraction.openMail(mailbox.slice(from, to))
    from = to
  }
  yield* extraction.openMail(mailbox.slice(from))
}
