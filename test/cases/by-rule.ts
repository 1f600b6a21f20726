import { bytes, type Case, type Stage } from './case.ts'
import { infected, plain, troublesome } from './messages.ts'

/** Settings with a policy by rule beside them. */
const ruled =
  (lines: string, more: Readonly<Record<string, string>> = {}) =>
  ({ scanner, file }: Stage) => {
    const policy = file('control/onescan.policy', lines)
    return {
      QHPSI: scanner,
      REJECTVIRUS: '1',
      CONTROLDIR: policy.slice(0, policy.lastIndexOf('/')),
      ...more,
    }
  }

const two = ['one@example.org', 'two@example.net']

/** onescan.policy, by all doors. */
export const byRule: readonly Case[] = [
  {
    name: 'of onescan.policy the first line that fits a recipient counts',
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
    name: 'without a line that fits a message is judged as ever',
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
    name: 'auth is a relay client',
    message: () => troublesome,
    settings: ruled('auth SCANFAIL=accept\n', { RELAYCLIENT: '' }),
    expect: { outcome: 'delivered', xQhpsi: null },
  },
  {
    name: 'auth=no is any other',
    message: () => troublesome,
    settings: ruled('auth SCANFAIL=accept\nauth=no OVERSIZE=defer\n'),
    expect: { outcome: 'deferred', log: /rule=2/ },
  },
  {
    name: 'size> is the size of the message',
    message: () => infected,
    settings: ruled('size>1K scan off\nsize<1K,from=example.org REJECTVIRUS=0\n'),
    expect: { outcome: 'delivered', xQhpsi: 'virus found', log: /rule=2/ },
  },
  {
    name: 'refused for one recipient is refused for all',
    message: () => infected,
    recipients: two,
    settings: ruled('to=one@example.org scan off\n'),
    expect: { outcome: 'refused', log: /rule=1,- / },
  },
  {
    name: 'deferred for one is deferred for all',
    message: () => troublesome,
    recipients: two,
    settings: ruled('to=example.net SCANFAIL=accept\n'),
    expect: { outcome: 'deferred' },
  },
  {
    name: 'what would be dropped for one recipient alone is refused',
    message: () => infected,
    recipients: two,
    settings: ruled('to=example.net REJECTVIRUS=2\nto=example.org REJECTVIRUS=0\n'),
    expect: { outcome: 'refused', text: /virus Test-Virus/ },
  },
  {
    name: 'what is to be dropped for all is dropped',
    message: () => infected,
    recipients: two,
    settings: ruled('to=.invalid scan off\n* REJECTVIRUS=2\n', { REJECTVIRUS: '2' }),
    expect: { outcome: 'dropped', log: /decision=discard .*rule=2 / },
  },
  {
    name: 'a recipient without a scan has the mark of the scan for the other',
    message: () => plain,
    recipients: two,
    settings: ruled('to=example.net scan off\n'),
    expect: { outcome: 'delivered', scans: 1, xQhpsi: 'clean' },
  },
  {
    name: 'kept for one recipient is kept for all',
    message: () => infected,
    recipients: two,
    settings: (stage) => ({
      ...ruled('to=example.net REJECTVIRUS=0\nto=example.org scan off\n')(stage),
      QUARANTINE: stage.quarantine,
    }),
    expect: { outcome: 'dropped', kept: 'virus' },
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
    name: 'an exception for one recipient is none for the other',
    message: () => infected,
    recipients: two,
    settings: ruled('to=example.net,signature=* allow\n'),
    expect: { outcome: 'refused' },
  },
]
