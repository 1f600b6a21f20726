import { bytes, type Case, type Stage } from './case.ts'
import { infected, plain, troublesome } from './messages.ts'
import { inMultiparts } from './nesting.ts'

/** Settings by which the counting scanner scans and infected mail is kept, and more. */
const keeping =
  (more: Readonly<Record<string, string>> = {}) =>
  ({ scanner, quarantine }: Stage) => ({ QHPSI: scanner, QUARANTINE: quarantine, ...more })

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
]
