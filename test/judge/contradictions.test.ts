import t from 'tap'
import { contradictionsIn } from '../../src/judge/contradictions.ts'

/** Settings that can be read and do not do what they look like; `onescan check` and --check tell of them. */

const QHPSI = 'plugin: clamd'
const kept = { QUARANTINE: '/var/quarantine' }
const REFUSED = /^gets nothing: REJECTVIRUS=1 refuses infected mail before$/

const table: readonly [string, Readonly<Record<string, string>>, readonly [string, RegExp][]][] = [
  ['nothing is set', {}, []],
  ['a quarantine alone', { ...kept }, []],
  ['a forwarding address alone', { VIRUSFORWARD: 'v@example.org' }, []],
  ['a refusal alone', { REJECTVIRUS: '1' }, []],
  [
    'mail is refused and forwarded',
    { REJECTVIRUS: '1', VIRUSFORWARD: 'v@example.org' },
    [['VIRUSFORWARD', REFUSED]],
  ],
  [
    'mail is refused and kept',
    { REJECTVIRUS: '1', ...kept },
    [['QUARANTINE', /^gets no virus: REJECTVIRUS=1 refuses infected mail before$/]],
  ],
  [
    'mail is kept and forwarded',
    { ...kept, VIRUSFORWARD: 'v@example.org' },
    [['VIRUSFORWARD', /^gets nothing: QUARANTINE comes before it$/]],
  ],
  ['mail is dropped and forwarded', { REJECTVIRUS: '2', VIRUSFORWARD: 'v@example.org' }, []],
  [
    'a setting that makes no sense is told elsewhere',
    { REJECTVIRUS: '1', VIRUSTAGONLY: '"', ...kept },
    [],
  ],
  ['stamps that are too old at once', { CLUSTERMAXAGE: '000' }, [['CLUSTERMAXAGE', /^0: every/]]],
  ['stamps for ten seconds', { CLUSTERMAXAGE: '10' }, []],
  ['only odd places', { QHPSI, SECONDLOOK: 'odd' }, [['SECONDLOOK', /^odd: files in mail/]]],
  ['no part', { QHPSI, SECONDLOOK: 'never' }, [['SECONDLOOK', /^never: files are missed/]]],
  ['every part', { QHPSI, SECONDLOOK: 'always' }, []],
  ['no part, where nothing is scanned', { SECONDLOOK: 'never' }, []],
]

for (const [name, env, wanted] of table) {
  t.test(name, async (t) => {
    const found = contradictionsIn(env)
    t.same(
      found.map((each) => each.name),
      wanted.map(([setting]) => setting),
    )
    for (const [place, [, value]] of wanted.entries()) {
      t.match(found[place]!.value, value)
      t.match(found[place]!.remedy, /^(unset|set) /, 'the remedy says what to do')
    }
  })
}
