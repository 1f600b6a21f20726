import { userName } from '../../src/base/process/passwd.ts'
import { text } from '../mail/mime/nested-mail.ts'
import { bytes, type Case, type Stage } from './case.ts'
import { infected, plain } from './messages.ts'
import { inMultiparts } from './nesting.ts'
import { crowded } from './second-look.ts'

/** Settings under which this very process is qmail-send, and injects a bounce. */
export const injecting =
  (more: Readonly<Record<string, string>> = {}, lines?: string) =>
  ({ scanner, rules }: Stage) => ({
    QHPSI: scanner,
    REJECTVIRUS: '1',
    BOUNCEUSER: userName(process.geteuid!())!,
    ...(lines && { CONTROLDIR: rules(lines) }),
    ...more,
  })

export const strange = bytes(
  'From: a@example.org\nMIME-Version: 1.0\nContent-Type: text/plain\n' +
    'Content-Transfer-Encoding: strange\n\nHello\n',
)

/**
 * Bounces that qmail-send injects, which it tries indefinitely if they are refused: the slot accepts them,
 * standalone and warm.
 */
export const bounces: readonly Case[] = [
  {
    name: 'a bounce with a virus is tagged and delivered',
    message: () => infected,
    settings: injecting(),
    sender: '',
    expect: { outcome: 'delivered', xQhpsi: 'virus found' },
  },
  {
    name: 'a bounce with a virus that cannot be kept is tagged and delivered',
    message: () => infected,
    settings: (stage) => injecting({ QUARANTINE: `${stage.quarantine}/missing` })(stage),
    sender: '',
    expect: { outcome: 'delivered', xQhpsi: 'virus found' },
  },
  {
    name: 'a bounce with a virus that FINDINGS would refuse is tagged and delivered',
    message: () => infected,
    settings: injecting({ FINDINGS: 'Test*=refuse' }),
    sender: '',
    expect: { outcome: 'delivered', xQhpsi: 'virus found' },
  },
  {
    name: 'a bounce with a virus that FINDINGS would keep is kept, as QUARANTINE has it',
    message: () => infected,
    settings: (stage) =>
      injecting({ FINDINGS: 'Test*=quarantine', QUARANTINE: stage.quarantine })(stage),
    sender: '',
    expect: { outcome: 'dropped', kept: 'virus' },
  },
  {
    name: 'a double bounce with a virus is tagged and delivered, whatever the sender is',
    message: () => infected,
    settings: injecting(),
    sender: '#@[]',
    expect: { outcome: 'delivered', xQhpsi: 'virus found' },
  },
  {
    name: 'no line of onescan.policy refuses a bounce',
    message: () => plain,
    settings: injecting({}, 'to=example.org refuse\n'),
    sender: '',
    expect: { outcome: 'delivered', xQhpsi: 'clean' },
  },
  {
    name: 'a bounce that is nested too deep is delivered untagged',
    message: () => inMultiparts(20, text),
    settings: injecting(),
    sender: '',
    expect: { outcome: 'delivered', xQhpsi: null },
  },
  {
    name: 'a bounce with too much in it is delivered untagged',
    message: () => crowded,
    settings: injecting({ QHPSI: 'plugin: eicar' }),
    sender: '',
    expect: { outcome: 'delivered', xQhpsi: null },
  },
  {
    name: 'a bounce in strange MIME is delivered',
    message: () => strange,
    settings: injecting({ STRICTMIME: 'refuse' }),
    sender: '',
    expect: { outcome: 'delivered', xQhpsi: 'clean' },
  },
]
