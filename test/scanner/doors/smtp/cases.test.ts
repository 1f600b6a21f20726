import t from 'tap'
import { casesBut, play } from '../../../cases/play.ts'
import { sendBySmtp } from './send.ts'

const lastLineEnd = 'SMTP ends the last line, too'
const bare = 'a bare CR or LF is refused before the queue'

const ofBytes = [
  'text that is neither header nor body',
  'a header without a body and final newline',
  'a body without a final newline',
]

const ofBareEnds = ['mixed line endings', 'a bare CR in header and body']
const refused = (what: string) =>
  `a message with a forged field with ${what} is deferred, since some reader takes it for body`

/** Shared cases that SMTP does not show, with the reason. */
const unshown: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ofBytes.flatMap((what) => [
      [`${what} stays as it is below the new field, byte for byte`, lastLineEnd],
      [`without QHPSI ${what} passes byte for byte`, lastLineEnd],
    ]),
  ),
  ...Object.fromEntries(
    ofBareEnds.flatMap((what) => [
      [`${what} stays as it is below the new field, byte for byte`, bare],
      [`without QHPSI ${what} passes byte for byte`, bare],
    ]),
  ),
  [refused('a line of CR and LF in LF mail')]: bare,
  'mail of a client that ends its lines in CR CR LF is scanned, and loses no line': bare,
  [refused('a bare CR before it')]: bare,
  'a header that is not well formed is scanned and not signed: "X-Cr: a\\rContent-Type: text/html\\n"':
    bare,
  'a field above a malformed line is removed: every reader takes it for a field': lastLineEnd,
  'hostile recipients cannot break out of X-Quarantine-ID':
    'no command may hold a control character',
}

const door = { hasDaemon: true, log: / interface=smtp /, send: sendBySmtp }

for (const testCase of casesBut(t, unshown)) {
  t.test(testCase.name, (t) => play(t, testCase, door))
}
