import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes, type Case, scanning } from './case.ts'
import { infected, plain, troublesome } from './messages.ts'

const quarantine = 'virus@example.org'

/** What happens to a message by the scanner's answer. */
export const qhpsi: readonly Case[] = [
  {
    name: "an infected message is delivered with a tag if REJECTVIRUS is '0'",
    message: () => infected,
    settings: scanning({ REJECTVIRUS: '0' }),
    expect: {
      outcome: 'delivered',
      scans: 1,
      xQhpsi: 'virus found',
      newStamps: 0,
      log: /decision=accept scan=infected scanner=counting-scanner virus=Test-Virus/,
    },
  },
  {
    name: 'an infected message is refused by name if REJECTVIRUS is 1',
    message: () => infected,
    settings: scanning({ REJECTVIRUS: '1' }),
    expect: {
      outcome: 'refused',
      scans: 1,
      text: /virus Test-Virus.*5\.7\.1/,
      log: /decision=reject .*virus=Test-Virus/,
    },
  },
  {
    name: 'the sender of an infected message gets REFUSALTEXT, with the name of the virus',
    message: () => infected,
    settings: scanning({
      REJECTVIRUS: '1',
      REFUSALTEXT: 'Nein: {virus} ({reason}). Help: https://{host}.example.org/',
    }),
    expect: {
      outcome: 'refused',
      text: /Nein: Test-Virus \(virus\)\. Help: https:\/\/[^{}]+\.example\.org\/ \(#5\.7\.1/,
    },
  },
  {
    name: 'an infected message is dropped if REJECTVIRUS is 2',
    message: () => infected,
    settings: scanning({ REJECTVIRUS: '2' }),
    expect: { outcome: 'dropped', log: /decision=discard .*virus=Test-Virus/ },
  },
  {
    name: 'a command is split at blanks and quotes, and each %s is the path',
    message: () => infected,
    settings: ({ scanner, file }) => {
      const wrapper = file(
        'with blank/wrap me',
        `#!/bin/sh\ntest "$1" = 'a b$x' || exit 9\nexec '${scanner}' "\${2#--file=}"\n`,
        0o700,
      )
      return { QHPSI: `"${wrapper}" 'a b$x' --file=%s` }
    },
    expect: { outcome: 'delivered', scans: 1, xQhpsi: 'virus found' },
  },
  {
    name: 'a command also has the message on its standard input',
    message: () => plain,
    settings: ({ scanner, file }) => {
      const wrapper = file(
        'compare',
        `#!/bin/sh\ncmp -s - "$1" || exit 9\nexec '${scanner}' "$1"\n`,
        0o700,
      )
      return { QHPSI: `${wrapper} %s` }
    },
    expect: { outcome: 'delivered', scans: 1, xQhpsi: 'clean' },
  },
  {
    name: 'QHPSIRC and QHPSIRN define what exit codes mean',
    message: () => troublesome,
    settings: scanning({ QHPSIRC: '7', QHPSIRN: '1', REJECTVIRUS: '1' }),
    expect: { outcome: 'refused', scans: 1 },
  },
  {
    name: 'exit code 0 does not mean clean if QHPSIRN is another code',
    message: () => plain,
    settings: scanning({ QHPSIRC: '7', QHPSIRN: '1' }),
    expect: { outcome: 'deferred', scans: 1, log: /exit code 0/ },
  },
  {
    // promise: no-accident-clean
    name: 'a message that could not be scanned is deferred',
    message: () => troublesome,
    settings: scanning({ REJECTVIRUS: '1' }),
    expect: {
      outcome: 'deferred',
      scans: 1,
      text: /could not be scanned.*4\.7\.1/,
      log: /decision=defer scan=unknown .*cause=scanner-error .*exit code 7/,
    },
  },
  {
    name: 'SCANFAIL=accept delivers a message that could not be scanned, untagged',
    message: () => bytes(`X-QHPSI: clean\n${troublesome.toString('latin1')}`),
    settings: scanning({ SCANFAIL: 'accept' }),
    expect: {
      outcome: 'delivered',
      xQhpsi: null,
      newStamps: 0,
      log: /decision=accept scan=unknown/,
    },
  },
  {
    name: 'a line lets in what could not be scanned from relay clients',
    message: () => troublesome,
    settings: (stage) =>
      scanning({ RELAYCLIENT: '', CONTROLDIR: stage.rules('auth SCANFAIL=accept\n') })(stage),
    expect: { outcome: 'delivered', xQhpsi: null },
  },
  {
    name: 'the same line does not apply to other clients',
    message: () => troublesome,
    settings: (stage) => scanning({ CONTROLDIR: stage.rules('auth SCANFAIL=accept\n') })(stage),
    expect: { outcome: 'deferred' },
  },
  {
    name: 'a line is stricter with relay clients than SCANFAIL=accept',
    message: () => troublesome,
    settings: (stage) =>
      scanning({
        SCANFAIL: 'accept',
        RELAYCLIENT: '',
        CONTROLDIR: stage.rules('auth SCANFAIL=defer\n'),
      })(stage),
    expect: { outcome: 'deferred' },
  },
  {
    name: 'a message below QHPSIMINSIZE is not scanned and not tagged',
    message: () => infected,
    settings: scanning({ QHPSIMINSIZE: '1K', REJECTVIRUS: '1' }),
    expect: { outcome: 'delivered', scans: 0, xQhpsi: null, log: /below QHPSIMINSIZE/ },
  },
  {
    name: 'a message over QHPSIMAXSIZE is not scanned and not tagged',
    message: () => infected,
    settings: scanning({ QHPSIMAXSIZE: '100', REJECTVIRUS: '1' }),
    expect: { outcome: 'delivered', scans: 0, xQhpsi: null, log: /over QHPSIMAXSIZE/ },
  },
  {
    name: 'a signature that FINDINGS tags is tagged and never refused',
    message: () => infected,
    settings: scanning({
      REJECTVIRUS: '1',
      VIRUSFORWARD: quarantine,
      FINDINGS: 'Other.*=refuse test-*=tag *=refuse',
    }),
    expect: { outcome: 'delivered', xQhpsi: 'virus found', recipients: ['b@example.org'] },
  },
  {
    name: 'FINDINGS matches whole names',
    message: () => infected,
    settings: scanning({ REJECTVIRUS: '1', FINDINGS: "'Test Virus=tag'" }),
    expect: { outcome: 'refused' },
  },
  {
    name: 'a signature that FINDINGS accepts gets no tag',
    message: () => infected,
    settings: scanning({ REJECTVIRUS: '1', FINDINGS: 'Test-*=accept' }),
    expect: { outcome: 'delivered', xQhpsi: null, newStamps: 0 },
  },
  {
    name: 'a signature that FINDINGS refuses is refused as a virus, where others are tagged',
    message: () => infected,
    settings: scanning({ FINDINGS: 'Test-*=refuse' }),
    expect: {
      outcome: 'refused',
      text: /message refused: virus Test-Virus/,
      log: /grounds=virus /,
    },
  },
  {
    name: 'a signature that FINDINGS defers is deferred by its name',
    message: () => infected,
    settings: scanning({ FINDINGS: 'Test-*=defer' }),
    expect: { outcome: 'deferred', text: /message deferred: virus Test-Virus/ },
  },
  {
    name: 'VIRUSFORWARD sends an infected message to quarantine and names its recipients',
    message: () => bytes(`X-Quarantine-ID: forged\n${infected.toString('latin1')}`),
    recipients: ['one@example.org', 'two@example.org'],
    settings: scanning({ VIRUSFORWARD: quarantine }),
    expect: {
      outcome: 'delivered',
      xQhpsi: 'virus found',
      recipients: [quarantine],
      delivered: () =>
        Buffer.concat([
          bytes('X-QHPSI: virus found\n'),
          bytes(`X-Quarantine-ID: ${quarantine},one@example.org,two@example.org\n`),
          infected,
        ]),
      log: /decision=quarantine [^\n]*\nonescan: quarantined=recipients rcpt=<one@example.org> rcpt=<two@/,
    },
  },
  {
    name: 'VIRUSFORWARD wins over REJECTVIRUS=2',
    message: () => infected,
    settings: scanning({ VIRUSFORWARD: quarantine, REJECTVIRUS: '2' }),
    expect: { outcome: 'delivered', recipients: [quarantine] },
  },
  {
    name: 'mail for the quarantine alone is not forwarded again, nor dropped',
    message: () => infected,
    recipients: [quarantine],
    settings: scanning({ VIRUSFORWARD: quarantine, REJECTVIRUS: '2' }),
    expect: {
      outcome: 'delivered',
      recipients: [quarantine],
      delivered: (sent) => Buffer.concat([bytes('X-QHPSI: virus found\n'), sent]),
    },
  },
  {
    name: 'clean mail keeps its recipients, and a forged X-Quarantine-ID is removed',
    message: () => bytes(`X-Quarantine-ID: forged\n${plain.toString('latin1')}`),
    settings: scanning({ VIRUSFORWARD: quarantine }),
    expect: {
      outcome: 'delivered',
      recipients: ['b@example.org'],
      delivered: () => Buffer.concat([bytes('X-QHPSI: clean\n'), plain]),
    },
  },
  {
    // promise: words-forge-nothing
    name: 'hostile recipients cannot break out of X-Quarantine-ID',
    message: () => infected,
    recipients: ['a\nX-Evil: yes@example.org', 'b,c%d e@example.org', '\xfc@example.org'],
    settings: scanning({ VIRUSFORWARD: quarantine }),
    expect: {
      outcome: 'delivered',
      recipients: [quarantine],
      delivered: () =>
        Buffer.concat([
          bytes('X-QHPSI: virus found\n'),
          bytes(
            `X-Quarantine-ID: ${quarantine},a%0aX-Evil:%20yes@example.org,b%2cc%25d%20e@example.org,\n %fc@example.org\n`,
          ),
          infected,
        ]),
    },
  },
  {
    name: 'plugins are asked in order until one finds something',
    message: () => bytes(`Subject: x\n\n${EICAR}\n`),
    settings: () => ({ QHPSI: 'plugin: eicar nosuch', REJECTVIRUS: '1' }),
    expect: { outcome: 'refused', text: /EICAR/, log: /scanner=eicar/ },
    noDaemon: /plugin nosuch: no such plugin/,
  },
]
