import { bytes, type Case, type Mail, type Stage } from './case.ts'
import { infected, plain, troublesome } from './messages.ts'
import { inMultiparts } from './nesting.ts'

/** Settings by which the counting scanner scans and infected mail is kept, and more. */
const keeping =
  (more: Readonly<Record<string, string>> = {}) =>
  ({ scanner, quarantine }: Stage) => ({ QHPSI: scanner, QUARANTINE: quarantine, ...more })

const below = (fields: string) => () => Buffer.concat([bytes(fields), infected])
const first = {
  message: below('Received: from x by y; first try\n'),
  recipients: ['b@example.org', 'c@example.org'],
}

/** Infected mail after which other mail comes: how many messages are kept then. */
const keptOf = (keptMessages: number, after: Readonly<Record<string, Partial<Mail>>>): Case[] =>
  Object.entries(after).map(([name, other]) => ({
    name,
    earlier: [first],
    ...first,
    ...other,
    settings: keeping(),
    expect: { outcome: 'dropped', kept: 'virus', keptMessages },
  }))

/** What QUARANTINE keeps, and what it leaves alone. */
export const quarantining: readonly Case[] = [
  ...['0', '2'].map(
    (reject): Case => ({
      name: `an infected message goes into QUARANTINE if REJECTVIRUS is '${reject}'`,
      message: () => infected,
      sender: '',
      recipients: ['one@example.org', 'two@example.org'],
      settings: keeping({ REJECTVIRUS: reject }),
      expect: {
        outcome: 'dropped',
        scans: 1,
        kept: 'virus',
        log: new RegExp(
          'decision=quarantine scan=infected .*virus=Test-Virus grounds=virus ' +
            'kept=\\d+\\.[0-9a-f]{16} [^\\n]*\\nonescan: quarantined=recipients rcpt=<one@',
        ),
      },
    }),
  ),
  {
    name: 'with REJECTVIRUS=1 an infected message is refused despite QUARANTINE, and not kept',
    message: () => infected,
    settings: keeping({ REJECTVIRUS: '1' }),
    expect: { outcome: 'refused', log: /decision=reject / },
  },
  {
    name: 'QUARANTINE takes precedence over VIRUSFORWARD',
    message: () => infected,
    settings: keeping({ VIRUSFORWARD: 'virus@example.org' }),
    expect: { outcome: 'dropped', kept: 'virus' },
  },
  {
    name: 'a message with a signature that FINDINGS tags is delivered, and not kept in QUARANTINE',
    message: () => infected,
    settings: keeping({ FINDINGS: 'Test-*=tag' }),
    expect: { outcome: 'delivered', xQhpsi: 'virus found' },
  },
  {
    name: 'a signature that FINDINGS keeps is kept as a virus, where others are refused',
    message: () => infected,
    settings: keeping({ REJECTVIRUS: '1', FINDINGS: 'Test-*=quarantine' }),
    expect: { outcome: 'dropped', kept: 'virus' },
  },
  {
    name: 'clean mail is not kept in QUARANTINE',
    message: () => plain,
    settings: keeping(),
    expect: { outcome: 'delivered', xQhpsi: 'clean' },
  },
  {
    name: 'a message that could not be scanned is deferred, and not kept in QUARANTINE',
    message: () => troublesome,
    settings: keeping(),
    expect: { outcome: 'deferred' },
  },
  {
    name: 'SCANFAIL=quarantine keeps a message that could not be scanned',
    message: () => troublesome,
    settings: keeping({ SCANFAIL: 'quarantine' }),
    expect: {
      outcome: 'dropped',
      kept: 'unscanned',
      log: /decision=quarantine scan=unknown grounds=unscanned kept=/,
    },
  },
  {
    name: 'UNREAD=quarantine keeps mail that is nested deeper than scanners look',
    message: () => inMultiparts(20),
    settings: keeping({ REJECTVIRUS: '1', UNREAD: 'quarantine' }),
    expect: { outcome: 'dropped', scans: 0, kept: 'nested-too-deep' },
  },
  {
    name: 'STRICTMIME=quarantine keeps mail in a form that no mail program writes',
    message: () => bytes('From: a@b\nContent-Type: \n\ntext\n'),
    settings: keeping({ STRICTMIME: 'quarantine' }),
    expect: { outcome: 'dropped', kept: 'strange-mime' },
  },
  ...[
    ['that readers end at different places', 'Subject: x\nX-QHPSI: clean\n \nTo: y\n'],
    ['with more forged fields than can go', `${'X-QHPSI: clean\n'.repeat(17)}Subject: x\n`],
  ].map(
    ([what, header]): Case => ({
      name: `QUARANTINE keeps a header ${what} as it came`,
      message: () => bytes(`${header}\nbody\n`),
      settings: keeping(),
      expect: {
        outcome: 'dropped',
        scans: 0,
        kept: 'unclear-header',
        log: /decision=quarantine scan=skipped grounds=unclear-header kept=/,
      },
    }),
  ),
  // A server that fails after the answer has its client send the message again.
  ...keptOf(1, {
    'a message that is sent again is kept once, by whatever way it comes': {
      message: below('Received: from x by y; second try\nDKIM-Signature: v=1\n'),
    },
    'a message that is sent again is kept once, in whatever order its recipients are': {
      recipients: first.recipients.toReversed(),
    },
  }),
  ...keptOf(2, {
    'a message with a Message-ID of its own is kept, too': {
      message: below('Message-ID: <2@example.org>\n'),
    },
    'a message with a date of its own is kept, too': {
      message: below('Date: Sat, 21 Nov 2026 12:00:00 +0000\n'),
    },
    'a message with one field more is kept, too': { message: below('X-Other: field\n') },
    'a message with more text is kept, too': {
      message: () => bytes(`${infected.toString('latin1')}more\n`),
    },
    'a message to fewer recipients is kept, too': { recipients: ['b@example.org'] },
    'a message of another sender is kept, too': { sender: 'other@example.org' },
  }),
]
