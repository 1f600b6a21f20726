import { bytes, type Case, scanning } from './case.ts'
import { infected, odd, plain } from './messages.ts'

const withTop = (field: string) => (sent: Buffer) => Buffer.concat([bytes(field), sent])

const endingOf = (message: Buffer) =>
  /^[^\n]*\r\n/.test(message.toString('latin1')) ? '\r\n' : '\n'

const mbox = 'From ann@example.net Wed Nov 25 13:00:00 2026\n'

/** Headers that begin with the line of an mbox, and what is left of them. */
const mboxLines = [
  ['as qmail-inject has it', mbox, `MBOX-Line: ${mbox}`],
  ['if it was delivered twice', `${mbox}>${mbox}`, `MBOX-Line: ${mbox}MBOX-Line: >${mbox}`],
  [
    'and a field of onescan below it goes',
    `${mbox}Received: x\nX-QHPSI: clean\n`,
    `MBOX-Line: ${mbox}Received: x\n`,
  ],
] as const

/** What X-QHPSI contains, and that nothing else of a message changes. */
export const tagging: readonly Case[] = [
  {
    name: 'without QHPSI a message passes unchanged, with its X-QHPSI and stamps',
    message: () => bytes(`X-QHPSI: clean\nX-MD5-Cluster-1: 0\n${plain.toString('latin1')}`),
    settings: () => ({}),
    expect: { outcome: 'delivered', scans: 0, delivered: (sent) => sent },
  },
  {
    name: 'an empty QHPSI counts as unset',
    message: () => infected,
    settings: () => ({ QHPSI: '', REJECTVIRUS: '1' }),
    expect: { outcome: 'delivered', scans: 0, delivered: (sent) => sent },
  },
  {
    name: 'with QHPSI=none a message passes unchanged',
    message: () => infected,
    settings: () => ({ QHPSI: 'none', REJECTVIRUS: '1' }),
    expect: {
      outcome: 'delivered',
      delivered: (sent) => sent,
      log: /decision=pass reason="QHPSI names no scanner"/,
    },
  },
  {
    name: 'a clean message is scanned once, and tagged on top',
    message: () => plain,
    settings: scanning(),
    expect: {
      outcome: 'delivered',
      scans: 1,
      xQhpsi: 'clean',
      newStamps: 0,
      delivered: withTop('X-QHPSI: clean\n'),
      log: /decision=accept scan=clean scanner=counting-scanner .*size=95 msgid=<1@example\.org>/,
    },
  },
  {
    name: 'the log has no reason if there is nothing to explain',
    message: () => plain,
    settings: ({ scanner, file }) => ({
      QHPSI: scanner,
      CLUSTERKEYS: file('ring', 'sesame\n'),
      CLAMDBDIR: '/nonexistent',
    }),
    expect: {
      outcome: 'delivered',
      xQhpsi: 'clean',
      log: /decision=accept scan=clean (?!.*(?:reason|grounds)=)/,
    },
  },
  {
    // promise: rule-18-switch
    name: 'the onescan.off switch turns scanning off at once',
    message: () => infected,
    settings: ({ scanner, file }) => {
      file('control/onescan.off', '')
      return { QHPSI: scanner, REJECTVIRUS: '1', CONTROLDIR: file('control/x', '').slice(0, -2) }
    },
    expect: {
      outcome: 'delivered',
      scans: 0,
      delivered: (sent) => sent,
      log: /decision=pass reason=".*onescan\.off exists"/,
    },
  },
  ...Object.entries(odd).map(
    ([what, message]): Case => ({
      name: `${what} stays as it is below the new field, byte for byte`,
      message: () => message,
      settings: scanning(),
      expect: {
        outcome: 'delivered',
        xQhpsi: 'clean',
        delivered: withTop(`X-QHPSI: clean${endingOf(message)}`),
      },
    }),
  ),
  ...mboxLines.map(
    ([what, header, left]): Case => ({
      name: `the line of an mbox becomes a field of the mail, ${what}`,
      message: () => bytes(`${header}Subject: x\n\nbody\n`),
      settings: scanning(),
      expect: {
        outcome: 'delivered',
        scans: 1,
        xQhpsi: 'clean',
        delivered: () => bytes(`X-QHPSI: clean\n${left}Subject: x\n\nbody\n`),
      },
    }),
  ),
  {
    name: 'mail that has no end of its header and 20,000 lines is scanned, and loses no line',
    message: () => bytes(`Subject: x\n${'A-line: of the body\n'.repeat(20_000)}`),
    settings: scanning(),
    expect: {
      outcome: 'delivered',
      scans: 1,
      xQhpsi: 'clean',
      delivered: withTop('X-QHPSI: clean\n'),
    },
  },
  {
    name: 'mail that has no end of its header and 3 MB is scanned, and loses no line',
    message: () => bytes(`Subject: x\n${'a line of the body without a colon\n'.repeat(90_000)}`),
    settings: scanning(),
    expect: {
      outcome: 'delivered',
      xQhpsi: 'clean',
      delivered: withTop('X-QHPSI: clean\n'),
    },
  },
  {
    name: 'mail of a client that ends its lines in CR CR LF is scanned, and loses no line',
    message: () =>
      bytes(`Received: x\nSubject: x\r\n\r\n${'A line: of the body\r\n'.repeat(70_000)}`),
    settings: scanning(),
    expect: {
      outcome: 'delivered',
      scans: 1,
      xQhpsi: 'clean',
      delivered: withTop('X-QHPSI: clean\n'),
    },
  },
  ...[3_000, 20_000, 400_000].map(
    (lines): Case => ({
      name: `a forged field behind ${lines} lines of a header without an end is not let in`,
      message: () => bytes(`Subject: x\n${'a:\n'.repeat(lines)} \nX-QHPSI: clean\n`),
      settings: scanning(),
      expect: { outcome: 'deferred', scans: 0, text: /contains X-QHPSI/ },
    }),
  ),
  ...Object.entries(odd).map(
    ([what, message]): Case => ({
      name: `without QHPSI ${what} passes byte for byte`,
      message: () => message,
      settings: () => ({}),
      expect: { outcome: 'delivered', scans: 0, delivered: (sent) => sent },
    }),
  ),
  ...[
    'X-QHPSI:\n\tclean\n and more\n',
    'X-QHPSI: clean\nx-Qhpsi: clean\nX-QHPSI: virus found\n',
  ].map(
    (forged): Case => ({
      name: `a forged field is removed: ${JSON.stringify(forged)}`,
      message: () => bytes(`Subject: x\n${forged}To: y\n\nX-QHPSI: in the body stays\nVIRUS\n`),
      settings: scanning(),
      expect: {
        outcome: 'delivered',
        xQhpsi: 'virus found',
        delivered: () =>
          bytes('X-QHPSI: virus found\nSubject: x\nTo: y\n\nX-QHPSI: in the body stays\nVIRUS\n'),
      },
    }),
  ),
  {
    name: 'in CRLF mail a forged field is removed, and the new one ends in CRLF',
    message: () => bytes('Subject: x\r\nX-QHPSI: forged\r\n\tfold\r\nTo: y\r\n\r\nbody\r\n'),
    settings: scanning(),
    expect: {
      outcome: 'delivered',
      delivered: () => bytes('X-QHPSI: clean\r\nSubject: x\r\nTo: y\r\n\r\nbody\r\n'),
    },
  },
  ...[
    ['a line of CR and LF in LF mail', 'Subject: x\n\r\nX-QHPSI: AAAA\nTo: y\n'],
    ['a bare CR before it', 'Subject: a CR\rX-QHPSI: clean\nTo: y\n'],
    ['a NUL in its name', 'Subject: a NUL\nX-QH\0PSI: clean\nTo: y\n'],
    ['a fold of blanks of its own', 'Subject: x\nX-QHPSI: clean\n \nTo: y\n'],
  ].map(
    ([what, header]): Case => ({
      name: `a message with a forged field with ${what} is deferred, since some reader takes it for body`,
      message: () => bytes(`${header}\nbody\n`),
      settings: scanning(),
      expect: {
        outcome: 'deferred',
        scans: 0,
        text: /its header is malformed and contains X-QHPSI/,
      },
    }),
  ),
  {
    name: 'a field above a malformed line is removed: every reader takes it for a field',
    message: () => bytes('Received: x\nX-QHPSI: clean\nSubject : x\n\r\nTo: y\n\nbody\n'),
    settings: scanning(),
    expect: {
      outcome: 'delivered',
      delivered: () => bytes('X-QHPSI: clean\nReceived: x\nSubject : x\n\r\nTo: y\n\nbody\n'),
    },
  },
  {
    name: 'as many as sixteen forged fields are removed',
    message: () => bytes(`${'X-QHPSI: clean\n'.repeat(16)}Subject: x\n\nbody\n`),
    settings: scanning(),
    expect: {
      outcome: 'delivered',
      delivered: () => bytes('X-QHPSI: clean\nSubject: x\n\nbody\n'),
    },
  },
  {
    // promise: no-edit-virus
    name: 'mail with more than sixteen forged fields is deferred before anything is edited',
    message: () => bytes(`${'X-QHPSI: clean\n'.repeat(17)}Subject: x\n\nbody\n`),
    settings: scanning(),
    expect: { outcome: 'deferred', scans: 0, text: /its header has more than 16 X-QHPSI/ },
  },
  {
    // promise: no-edit-virus
    name: 'mail that is too small or large to be scanned loses a forged field all the same',
    message: () => bytes('X-QHPSI: clean\nSubject: x\n\nbody\n'),
    settings: scanning({ QHPSIMAXSIZE: '10' }),
    expect: {
      outcome: 'delivered',
      scans: 0,
      xQhpsi: null,
      delivered: () => bytes('Subject: x\n\nbody\n'),
    },
  },
  {
    // promise: scanned-is-queued
    name: 'scanners see the message without the removed fields, as it will be queued',
    message: () => bytes('Subject: x\nX-QHPSI: a\n\tVIRUS\n\nbody\n'),
    settings: ({ file }) => ({
      QHPSI: file('wants-none', '#!/bin/sh\n! grep -aiq x-qhpsi "$1"\n', 0o700),
    }),
    expect: { outcome: 'delivered', xQhpsi: 'clean' },
  },
  {
    // promise: scanned-is-queued
    name: 'scanners see a first field that the sender cannot choose',
    message: () => bytes('%PDF-1.4: x\nSubject: x\n\nbody\n'),
    settings: ({ file }) => ({
      QHPSI: file(
        'wants-mail',
        '#!/bin/sh\n[ "$(sed -n 2p "$1" | cut -c1-8)" = %PDF-1.4 ] && head -1 "$1" | grep -q ^Received:\n',
        0o700,
      ),
    }),
    expect: {
      outcome: 'delivered',
      xQhpsi: 'clean',
      delivered: (sent) => Buffer.concat([bytes('X-QHPSI: clean\n'), sent]),
    },
  },
  {
    name: 'a message with a header block over 1 MiB is scanned, and tagged on top',
    message: () => bytes(`Subject: ${'x'.repeat(1024 * 1024 - 10)}\n\nbody\n`),
    settings: scanning(),
    expect: { outcome: 'delivered', xQhpsi: 'clean', delivered: withTop('X-QHPSI: clean\n') },
  },
]
