import t from 'tap'
import { readSetting, readSettings } from '../../../src/base/settings/read-settings.ts'
import { mailSettings } from '../../../src/base/settings/table.ts'

/** Settings are read by their lines of the table. */

t.test(
  'a chapter is read under the names of its settings; unset and empty is the default',
  async (t) => {
    const unset = readSettings({}, mailSettings)
    t.match(unset, { SCANTIMEOUT: 150, UNREAD: 'refuse', CLAMD: ['/run/clamav/clamd.ctl'] })
    t.match(unset, { QHPSI: undefined, QHPSIMAXSIZE: 0, REJECTVIRUS: 'tag', FINDINGS: [] })
    const empty = Object.fromEntries(Object.keys(unset).map((name) => [name, '']))
    t.same(readSettings(empty, mailSettings), unset)
  },
)

t.test('a value is parsed from the text, or a fault begins with the name', async (t) => {
  const env = {
    QHPSI: 'plugin: clamd eicar',
    CLAMDMAXSIZE: '2K',
    SCANFAIL: 'accept',
    REJECTVIRUS: '2',
    QUARANTINE: 'hold',
    FINDINGS: 'PUA.*=accept macros=tag',
  }
  t.match(readSettings(env, mailSettings), {
    QHPSI: { kind: 'plugins', names: ['clamd', 'eicar'] },
    CLAMDMAXSIZE: 2048,
    SCANFAIL: 'accept',
    REJECTVIRUS: 'drop',
    QUARANTINE: { kind: 'hold' },
    FINDINGS: [
      { finding: { pattern: 'PUA.*' }, action: 'accept' },
      { finding: 'macros', action: 'tag' },
    ],
  })
  t.equal(readSetting({ ERROR_FD: '6' }, 'ERROR_FD'), 6)
  t.equal(readSetting({}, 'ERROR_FD'), undefined)
  for (const name of ['SCANTIMEOUT', 'CLAMDMAXSIZE', 'SCANFAIL', 'QUARANTINE'] as const) {
    const message = new RegExp(`^${name}="nonsense": must be `)
    t.throws(() => readSetting({ [name]: 'nonsense' }, name), { kind: 'config', message })
  }
})

t.test('REJECTVIRUS is 0, 1 or 2: a word does not refuse mail', async (t) => {
  const read = (REJECTVIRUS: string) => readSetting({ REJECTVIRUS }, 'REJECTVIRUS')
  t.same(['', '0', '1', '2'].map(read), ['tag', 'tag', 'refuse', 'drop'])
  for (const word of ['no', 'off', 'false', 'yes', '3', '01'])
    t.throws(() => read(word), { message: `REJECTVIRUS="${word}": must be 0 (tag), 1 (refuse) or 2 (drop)` }) // biome-ignore format: a line
})
