import t from 'tap'
import { checkSettings } from '../../../src/scanner/readiness/check-settings.ts'
import { host } from './host.ts'

/** Settings that make sense alone and contradict others; `onescan check` and --check report them. */

const QHPSI = 'plugin: clamd'
const kept = { QUARANTINE: '/var/quarantine' }
const OF_TWO = /^(?:QUARANTINE|VIRUSFORWARD|CLUSTERMAXAGE|SECONDLOOK)$/
const REFUSED = /^has no effect: REJECTVIRUS=1 refuses infected mail first$/

const table: readonly [string, Readonly<Record<string, string>>, readonly [string, RegExp][]][] = [
  ['no settings have no contradiction', {}, []],
  ['QUARANTINE alone is no contradiction', { ...kept }, []],
  ['VIRUSFORWARD alone is no contradiction', { VIRUSFORWARD: 'v@example.org' }, []],
  ['REJECTVIRUS alone is no contradiction', { REJECTVIRUS: '1' }, []],
  [
    'mail that REJECTVIRUS refuses is not forwarded',
    { REJECTVIRUS: '1', VIRUSFORWARD: 'v@example.org' },
    [['VIRUSFORWARD', REFUSED]],
  ],
  [
    'mail that REJECTVIRUS refuses is not kept in quarantine',
    { REJECTVIRUS: '1', ...kept },
    [['QUARANTINE', /^has no effect: REJECTVIRUS=1 refuses infected mail first$/]],
  ],
  [
    'QUARANTINE is needed by a finding that is quarantined, even if infected mail is refused',
    { REJECTVIRUS: '1', FINDINGS: 'encrypted=quarantine', ...kept },
    [],
  ],
  [
    'QUARANTINE is needed by mail that could not be scanned, even if infected mail is refused',
    { REJECTVIRUS: '1', SCANFAIL: 'quarantine', ...kept },
    [],
  ],
  [
    'mail that QUARANTINE keeps is not forwarded',
    { ...kept, VIRUSFORWARD: 'v@example.org' },
    [['VIRUSFORWARD', /^has no effect: QUARANTINE takes precedence$/]],
  ],
  [
    'mail that REJECTVIRUS=2 would drop can be forwarded',
    { REJECTVIRUS: '2', VIRUSFORWARD: 'v@example.org' },
    [],
  ],
  [
    'a setting that makes no sense is left to its own error',
    { QHPSI, REJECTVIRUS: '1', REFUSALTEXT: '{x}', ...kept },
    [],
  ],
  [
    'CLUSTERMAXAGE=0 makes every stamp too old',
    { CLUSTERMAXAGE: '000' },
    [['CLUSTERMAXAGE', /^is 0, so every/]],
  ],
  ['CLUSTERMAXAGE=10 is no contradiction', { CLUSTERMAXAGE: '10' }, []],
  [
    'SECONDLOOK=never misses files',
    { QHPSI, SECONDLOOK: 'never' },
    [['SECONDLOOK', /^is never, so files that only mail clients extract are not scanned$/]],
  ],
  ['SECONDLOOK=always misses nothing', { QHPSI, SECONDLOOK: 'always' }, []],
  ['SECONDLOOK=never is no contradiction if nothing is scanned', { SECONDLOOK: 'never' }, []],
]

for (const [name, env, wanted] of table) {
  t.test(name, async (t) => {
    const found = (await checkSettings(host(env))).filter(
      ({ level, what }) => level === 'warning' && OF_TWO.test(what),
    )
    t.same(
      found.map(({ what }) => what),
      wanted.map(([setting]) => setting),
    )
    for (const [index, [, value]] of wanted.entries()) {
      t.match(found[index]!.value, value)
      t.equal(found[index]!.level, 'warning')
      t.match(found[index]!.remedy, /^(unset|set) /, 'the remedy states what to do')
    }
  })
}
