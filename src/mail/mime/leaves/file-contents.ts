import type { Bytes } from '../../message/bytes.ts'
import type { Steps } from '../budget/work.ts'
import { beginsCalendar } from '../containers/calendar.ts'
import { giveCodedWithin } from './coded-contents.ts'
import { kindsInFiles } from './coded-data.ts'
import { giveFromContainers } from './container-contents.ts'
import { beginsAsMailbox, hasHeader, mailStarts } from './content-checks.ts'
import type { Decoding } from './decoding.ts'

/** Yields the contents of a file, whatever it is. */
export function* giveInFile(file: Bytes, decoding: Decoding): Steps {
  yield* giveFromContainers(file, decoding)
  yield* giveWithin(file, decoding)
}

/** Yields the contents of a mailbox or a message, or what is encoded in a text. */
function* giveWithin(file: Bytes, decoding: Decoding): Steps {
  if (decoding.scope.kind === 'text') yield* giveCodedWithin(file, decoding, kindsInFiles)
  else if (beginsAsMailbox(file)) yield* decoding.insideMail((inner) => giveMails(file, inner))
  else if (yield* isMail(file, decoding))
    yield* decoding.insideMail((inner) => inner.giveMail(file))
  else yield* giveCodedWithin(file, decoding, kindsInFiles)
}

function* isMail(file: Bytes, decoding: Decoding): Steps<boolean> {
  if (decoding.scope.kind === 'message') return true
  // The properties of a calendar look like fields.
  return !beginsCalendar(file) && (yield* hasHeader(file, decoding))
}

/** The cost of a mail of a mailbox, in addition to its bytes, which may be seven. */
const MAIL_COST = 128

/** Yields the contents of each mail of a mailbox (mbox, RFC 4155). */
function* giveMails(mailbox: Bytes, decoding: Decoding): Steps {
  let from = 0
  for (const to of mailStarts(mailbox)) {
    yield* decoding.giveInMail(mailbox.slice(from, to))
    yield* decoding.countUnits(MAIL_COST)
    from = to
  }
  yield* decoding.giveInMail(mailbox.slice(from))
}
