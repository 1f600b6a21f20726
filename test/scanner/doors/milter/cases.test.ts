import t from 'tap'
import type { Case } from '../../../cases/case.ts'
import { firstOfEachKind } from '../../../cases/kinds.ts'
import { casesBut, type Door, play } from '../../../cases/play.ts'
import { everything, oldest } from './mta.ts'
import { sendByMilter, sendByStalwart } from './send.ts'

const notAField = 'the MTA begins the body at a line that is no field, and adds an empty line'
const nul = 'a string of the protocol ends at its first NUL'
const lineEnds = 'SMTP ends lines in CRLF, and the MTA has one kind of line end'
const noLastLineEnd = 'SMTP ends the last line, too'

const ofBytes: Readonly<Record<string, string>> = {
  'text that is neither header nor body': notAField,
  'a header without a body and final newline': noLastLineEnd,
  'a body without a final newline': noLastLineEnd,
  'NUL and 8-bit bytes': nul,
  'mixed line endings': lineEnds,
  'a line without a colon': notAField,
}

const refused = (what: string) =>
  `a message with a forged field with ${what} is deferred, since some reader takes it for body`

/**
 * Shared cases that a milter does not show, with the reason. What an MTA hands to a filter is not
 * the bytes that came, but fields, a body in CRLF, and strings.
 */
const unshown: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(ofBytes).flatMap(([what, reason]) => [
      [`${what} stays as it is below the new field, byte for byte`, reason],
      [`without QHPSI ${what} passes byte for byte`, reason],
    ]),
  ),
  'hostile recipients cannot break out of X-Quarantine-ID':
    'an MTA may not find such a recipient to remove, so the message is deferred',
  [refused('a line of CR and LF in LF mail')]: lineEnds,
  [refused('a NUL in its name')]: nul,
  ...Object.fromEntries(
    [
      'as qmail-inject has it',
      'if it was delivered twice',
      'and a field of onescan below it goes',
    ].map((what) => [`the line of an mbox becomes a field of the mail, ${what}`, notAField]),
  ),
  'mail of a client that ends its lines in CR CR LF is scanned, and loses no line': lineEnds,
  'a field above a malformed line is removed: every reader takes it for a field': lineEnds,
}

const shown = casesBut(t, unshown)

const door = { hasDaemon: true, log: / interface=milter queue=4TEST / }

/** An MTA of today plays all cases; one that speaks the oldest protocol, and Stalwart, one of each kind. */
for (const [name, cases, client] of [
  [
    'version 6 of the protocol',
    shown,
    { ...door, send: (t, sent) => sendByMilter(t, sent, everything) },
  ],
  [
    'version 2 of the protocol',
    firstOfEachKind(shown),
    { ...door, send: (t, sent) => sendByMilter(t, sent, oldest) },
  ],
  [
    'Stalwart',
    firstOfEachKind(shown),
    { ...door, log: / interface=milter /, send: sendByStalwart },
  ],
] satisfies [string, readonly Case[], Door][]) {
  t.test(name, async (t) => {
    for (const testCase of cases) t.test(testCase.name, (t) => play(t, testCase, client))
  })
}
