import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { BASE64, base64, inPart } from '../scanner/scan/scanners/evasions/compose.ts'
import { bytes, type Case, type Stage } from './case.ts'
import { infected, plain, troublesome } from './messages.ts'

/** Mail with such a file attached. */
const mailWith = (file: string): Buffer =>
  bytes(inPart(['Content-Type: application/octet-stream; name=a.bin', BASE64], base64(bytes(file))))

/** Settings with rules beside them. */
const ruled =
  (lines: string, more: Readonly<Record<string, string>> = {}) =>
  ({ scanner, rules }: Stage) => ({
    QHPSI: scanner,
    REJECTVIRUS: '1',
    CONTROLDIR: rules(lines),
    ...more,
  })

/** The same with a quarantine. */
const keeping = (lines: string) => (stage: Stage) => ({
  ...ruled(lines)(stage),
  QUARANTINE: stage.quarantine,
})

const two = ['one@example.org', 'two@example.net']

/** onescan.policy, by all doors. */
export const byRule: readonly Case[] = [
  {
    name: 'the first line of onescan.policy that fits a recipient counts',
    message: () => infected,
    settings: ruled(
      'to=other@example.org REJECTVIRUS=2\nto=example.org REJECTVIRUS=0\nto=b@example.org REJECTVIRUS=2\n',
    ),
    expect: {
      outcome: 'delivered',
      scans: 1,
      xQhpsi: 'virus found',
      log: /decision=accept .*virus=Test-Virus .*rule=2 /,
    },
  },
  {
    name: 'if no line fits, a message is judged as without a policy',
    message: () => infected,
    settings: ruled('to=example.net scan off\n'),
    expect: { outcome: 'refused', log: /^(?!.*rule=)/ },
  },
  {
    name: 'scan off lets a message pass byte for byte',
    message: () => bytes(`X-QHPSI: clean\n${infected.toString('latin1')}`),
    settings: ruled('from=a@example.org scan off\n'),
    expect: {
      outcome: 'delivered',
      scans: 0,
      delivered: (sent) => sent,
      log: /decision=accept scan=skipped .*rule=1 reason="scan off by \S+onescan\.policy line 1"/,
    },
  },
  {
    name: 'a line with auth is for relay clients',
    message: () => troublesome,
    settings: ruled('auth SCANFAIL=accept\n', { RELAYCLIENT: '' }),
    expect: { outcome: 'delivered', xQhpsi: null },
  },
  {
    name: 'a line with auth=no is for all other clients',
    message: () => troublesome,
    settings: ruled('auth SCANFAIL=accept\nauth=no OVERSIZE=defer\n'),
    expect: { outcome: 'deferred', log: /rule=2/ },
  },
  {
    name: 'a line with size> is for messages over that size',
    message: () => infected,
    settings: ruled('size>1K scan off\nsize<1K,from=example.org REJECTVIRUS=0\n'),
    expect: { outcome: 'delivered', xQhpsi: 'virus found', log: /rule=2/ },
  },
  {
    name: 'what is refused for one recipient is refused for all',
    message: () => infected,
    recipients: two,
    settings: ruled('to=one@example.org scan off\n'),
    expect: { outcome: 'refused', log: /rule=1,- / },
  },
  {
    name: 'what is deferred for one recipient is deferred for all',
    message: () => troublesome,
    recipients: two,
    settings: ruled('to=example.net SCANFAIL=accept\n'),
    expect: { outcome: 'deferred' },
  },
  {
    name: 'a message that would be dropped for only one recipient is refused',
    message: () => infected,
    recipients: two,
    settings: ruled('to=example.net REJECTVIRUS=2\nto=example.org REJECTVIRUS=0\n'),
    expect: { outcome: 'refused', text: /virus Test-Virus/ },
  },
  {
    name: 'a message that is to be dropped for all recipients is dropped',
    message: () => infected,
    recipients: two,
    settings: ruled('to=.invalid scan off\n* REJECTVIRUS=2\n', { REJECTVIRUS: '2' }),
    expect: { outcome: 'dropped', log: /decision=discard .*rule=2 / },
  },
  {
    name: 'a recipient without a scan gets the tag that the scan for another made',
    message: () => plain,
    recipients: two,
    settings: ruled('to=example.net scan off\n'),
    expect: { outcome: 'delivered', scans: 1, xQhpsi: 'clean' },
  },
  {
    name: 'a message that is kept for one recipient goes to the others, and the sender hears nothing',
    message: () => infected,
    recipients: ['one@example.org', 'two@example.net', 'three@example.org'],
    settings: keeping('to=example.net REJECTVIRUS=0\nto=example.org scan off\n'),
    expect: {
      outcome: 'delivered',
      xQhpsi: null,
      recipients: ['one@example.org', 'three@example.org'],
      kept: 'virus',
      keptFor: ['two@example.net'],
      log: /decision=accept .*rule=2 .*rcpts=2 .*\n.*decision=quarantine .*rule=1 .*to=<two@example\.net> rcpts=1 /,
    },
  },
  {
    name: 'a message that is refused for one recipient is kept for none',
    message: () => infected,
    recipients: two,
    settings: keeping('to=example.net REJECTVIRUS=0\n'),
    expect: { outcome: 'refused' },
  },
  {
    name: 'a message that goes to VIRUSFORWARD for one recipient goes there for all',
    message: () => infected,
    recipients: two,
    settings: ruled(
      'to=example.org REJECTVIRUS=0\nto=example.net REJECTVIRUS=0 VIRUSFORWARD=v@example.org\n',
    ),
    expect: { outcome: 'delivered', recipients: ['v@example.org'] },
  },
  {
    name: 'a line refuses mail unscanned and in its own words, whatever the mail holds',
    message: () => plain,
    settings: ruled('size>10,from=a@example.org refuse "not from here: {reason} {virus} {id}"\n'),
    expect: {
      outcome: 'refused',
      scans: 0,
      text: /not from here: policy policy \S+ \(#5\.7\.1/,
      log: /decision=reject scan=skipped grounds=policy rule=1 reason="refused by \S+ line 1"/,
    },
  },
  {
    name: 'a line bans files, though QHPSI asks for no attachments',
    message: () => mailWith('a tool'),
    settings: ruled('to=other.org scan off\nto=example.org BADATTACHMENTS=*.bin\n', {
      QHPSI: 'plugin: eicar',
    }),
    expect: {
      outcome: 'refused',
      text: /banned attachment a\.bin/,
      log: /grounds=banned .*rule=2 /,
    },
  },
  {
    name: 'a line may refuse mail without words of its own',
    message: () => plain,
    settings: ruled('size<10 scan off\nfrom=example.org,size>20 refuse\n'),
    expect: { outcome: 'refused', text: /refused by local policy \(#5\.7\.1/ },
  },
  {
    name: 'senders get the reply of the domain that they write to',
    message: () => infected,
    recipients: ['b@example.de'],
    settings: ruled('to=example.de REFUSALTEXT="Nicht angenommen: {virus}"\n', {
      REFUSALTEXT: 'Not taken: {virus}',
    }),
    expect: { outcome: 'refused', text: /^D?Nicht angenommen: Test-Virus \(#5\.7\.1/ },
  },
  {
    name: 'senders to other domains get the reply of the site',
    message: () => infected,
    settings: ruled('to=example.de REFUSALTEXT="Nicht angenommen: {virus}"\n', {
      REFUSALTEXT: 'Not taken: {virus}',
    }),
    expect: { outcome: 'refused', text: /^D?Not taken: Test-Virus \(#5\.7\.1/ },
  },
  {
    name: 'an exception lets a signature in, tagged, without a stamp, and its line is logged',
    message: () => infected,
    settings: (stage) => ({
      ...ruled('# news of ours\nsignature=test-*,from=example.org allow\n')(stage),
      CLUSTERKEYS: stage.file('ring', 'md5:one:of-sixteen-bytes\n'),
    }),
    expect: {
      outcome: 'delivered',
      xQhpsi: 'virus found',
      newStamps: 0,
      log: /decision=accept scan=infected .*virus=Test-Virus .*allowed=2 /,
    },
  },
  {
    name: 'an exception for other signatures, senders or recipients lets nothing in',
    message: () => infected,
    settings: ruled(
      'signature=Other-* allow\nfrom=example.net allow\nto=c@example.org,signature=* allow\n',
    ),
    expect: { outcome: 'refused' },
  },
  {
    name: 'an exception for the name of a file does not let in the virus in it',
    message: () => mailWith(EICAR),
    settings: ruled('signature=*a.bin allow\n', {
      QHPSI: 'plugin: attachments eicar',
      BADATTACHMENTS: '*.bin',
    }),
    expect: { outcome: 'refused', log: /decision=reject .*virus=/ },
  },
  {
    name: 'an exception for one recipient does not hold for the other',
    message: () => infected,
    recipients: two,
    settings: ruled('to=example.net,signature=* allow\n'),
    expect: { outcome: 'refused' },
  },
]
