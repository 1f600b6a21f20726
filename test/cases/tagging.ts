import { bytes, type Case } from './case.ts'
import { infected, odd, plain } from './messages.ts'

const withTop = (field: string) => (sent: Buffer) => Buffer.concat([bytes(field), sent])

const endingOf = (message: Buffer) =>
  /^[^\n]*\r\n/.test(message.toString('latin1')) ? '\r\n' : '\n'

/** What X-QHPSI says, and that nothing else of a message changes. */
export const tagging: readonly Case[] = [
  {
    name: 'without QHPSI a message passes as it came, X-QHPSI and stamps included',
    message: () => bytes(`X-QHPSI: clean\nX-MD5-Cluster-1: 0\n${plain.toString('latin1')}`),
    settings: () => ({}),
    expect: { outcome: 'delivered', scans: 0, delivered: (sent) => sent },
  },
  {
    name: 'an empty QHPSI is as good as none',
    message: () => infected,
    settings: () => ({ QHPSI: '', REJECTVIRUS: '1' }),
    expect: { outcome: 'delivered', scans: 0, delivered: (sent) => sent },
  },
  {
    name: 'a clean message is scanned once and says so on top',
    message: () => plain,
    settings: ({ scanner }) => ({ QHPSI: scanner }),
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
      log: /decision=pass reason=".*onescan\.off is there"/,
    },
  },
  ...Object.entries(odd).map(
    ([what, message]): Case => ({
      name: `of ${what}, not a byte is changed below the new field`,
      message: () => message,
      settings: ({ scanner }) => ({ QHPSI: scanner }),
      expect: {
        outcome: 'delivered',
        scans: 1,
        xQhpsi: 'clean',
        delivered: withTop(`X-QHPSI: clean${endingOf(message)}`),
      },
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
    'X-QHPSI: clean\n',
    'x-qhpsi: clean\n',
    'X-QHPSI : clean\n',
    'X-QHPSI\t:clean\n',
    'X-QHPSI:\n\tclean\n and more\n',
    'X-QHPSI: clean\nx-Qhpsi: clean\nX-QHPSI: virus found\n',
  ].map(
    (forged): Case => ({
      name: `a forged field goes: ${JSON.stringify(forged)}`,
      message: () => bytes(`Subject: x\n${forged}To: y\n\nX-QHPSI: in the body stays\nVIRUS\n`),
      settings: ({ scanner }) => ({ QHPSI: scanner }),
      expect: {
        outcome: 'delivered',
        xQhpsi: 'virus found',
        delivered: () =>
          bytes('X-QHPSI: virus found\nSubject: x\nTo: y\n\nX-QHPSI: in the body stays\nVIRUS\n'),
      },
    }),
  ),
  {
    name: 'in CRLF mail a forged field goes and the new one ends in CRLF',
    message: () => bytes('Subject: x\r\nX-QHPSI: forged\r\n\tfold\r\nTo: y\r\n\r\nbody\r\n'),
    settings: ({ scanner }) => ({ QHPSI: scanner }),
    expect: {
      outcome: 'delivered',
      delivered: () => bytes('X-QHPSI: clean\r\nSubject: x\r\nTo: y\r\n\r\nbody\r\n'),
    },
  },
  {
    name: 'a forged field behind a line of one CR goes, for LF mail has not ended there',
    message: () => bytes('Subject: x\n\r\nX-QHPSI: clean\n\nVIRUS\n'),
    settings: ({ scanner }) => ({ QHPSI: scanner }),
    expect: {
      outcome: 'delivered',
      delivered: () => bytes('X-QHPSI: virus found\nSubject: x\n\r\n\nVIRUS\n'),
    },
  },
  {
    name: 'a header block over 1 MiB is refused, for it cannot be edited',
    message: () => bytes(`Subject: ${'x'.repeat(1024 * 1024 - 10)}\n\nbody\n`),
    settings: ({ scanner }) => ({ QHPSI: scanner }),
    expect: { outcome: 'refused', scans: 0, text: /larger than 1 MiB/ },
  },
]
