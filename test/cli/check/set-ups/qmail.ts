import { execFileSync } from 'node:child_process'
import { dirname } from 'node:path'
import { slotProgram } from '../../onescan.ts'
import { tcpserver } from '../service.ts'
import { AS_ROOT, type SetUp } from './set-ups.ts'

/** Servers and files that set-ups may name; onescand.ts has the same ones for set-ups behind Postfix. */
export interface Around {
  readonly clamd: string
  readonly laxClamd: string
  readonly gone: string
  readonly taken: string
  readonly silent: string
  readonly closed: string
  readonly full: string
}

const plugin = (text: string): NonNullable<SetUp['env']> => {
  return ({ home, write }) => {
    write('mine.mjs', text)
    return { QHPSI: 'plugin: mine.mjs eicar', PLUGINDIR: home }
  }
}
const clamd = (CLAMD: string, more: Record<string, string> = {}) => {
  return { QHPSI: 'plugin: clamd', CLAMD, CLAMDMAXSIZE: '200K', ...more }
}
const UNDATED = /^warning clamd \S+: answers, .*signatures without a date/

/** Set-ups of the slot like those behind Postfix that `onescan check` once got wrong, or did not see. */
export const setUpsOfQmail = (around: Around): readonly SetUp[] => [
  ...Object.entries({
    'throws when it is loaded': 'throw new Error("no licence")',
    'has a syntax error': 'export const virusscan = (',
    'lacks its export': 'export const scan = () => ({ answer: "clean" })',
    'throws for each message': 'export const virusscan = () => { throw new Error("no licence") }',
  }).map(([what, text]): SetUp => {
    const finding =
      /^error scanner mine\.mjs: cannot tell: plugin mine\.mjs.*; correct it; until then/
    return { name: `a plugin ${what}`, env: plugin(text), expect: [finding] }
  }),
  {
    name: 'AlertExceedsMax is off',
    env: clamd(around.laxClamd),
    expect: [
      UNDATED,
      /^error clamd \S+ AlertExceedsMax: is off: viruses deep in .*; set "AlertExceedsMax yes"/,
    ],
  },
  {
    name: 'clamd has one signature',
    env: clamd(around.clamd, { CLAMDBDIR: `${dirname(around.clamd)}/db` }),
    expect: [/^warning clamd \S+: \d+ signatures in \S+: ClamAV has millions; run freshclam/],
  },
  ...Object.entries({
    'there is no socket of clamd': '/nonexistent/clamd.ctl',
    'nobody listens where CLAMD says': around.gone,
    'another program listens where CLAMD says': around.taken,
    'clamd takes connections and never answers': around.silent,
  }).map(([name, address]): SetUp => {
    const down =
      /^error clamd \S+: .*; (start clamd, or see that CLAMD|see that CLAMD names a clamd|see the log of clamd, and restart it)/
    return { name, env: clamd(address), expect: [down] }
  }),
  {
    name: 'QHPSI is misspelt',
    env: { QHPSI: '', QHSPI: 'plugin: eicar' },
    expect: [
      /^error QHPSI: is not set here.*; set it/,
      /^warning settings: QHSPI is not a setting: .*; did you mean QHPSI\?/,
    ],
  },
  ...['REJECT_VIRUS', 'SCANFAILED'].map((name): SetUp => {
    const meant = { REJECT_VIRUS: 'REJECTVIRUS', SCANFAILED: 'SCANFAIL' }[name]
    return {
      name: `${meant} is misspelt`,
      env: { [name]: name === 'SCANFAILED' ? 'defer' : '1' },
      expect: [
        new RegExp(`^warning settings: ${name} is not a setting: .*; did you mean ${meant}\\?`),
      ],
    }
  }),
  {
    name: 'QHPSI is clamd, without the word plugin:',
    env: { QHPSI: 'clamd' },
    expect: [
      /^error settings: QHPSI clamd: names a built-in plugin.*; did you mean "plugin: clamd"\?/,
    ],
  },
  ...Object.entries({ SCANTIMEOUT: '-1', MAXNESTING: '-3', SECONDLOOK: 'odds' }).map(
    ([name, value]): SetUp => ({
      name: `${name} is ${value}`,
      env: { [name]: value },
      expect: [new RegExp(`^error settings: ${name} ${value}: must be`)],
    }),
  ),
  {
    name: 'VERDICTS is misspelt',
    env: { VERDICTS: 'vlakey://127.0.0.1:6379' },
    expect: [/^error settings: VERDICTS vlakey:\S+: must be/],
  },
  {
    name: '/tmp is full',
    env: { TMPDIR: around.full },
    expect: [
      /^error spool \(TMPDIR\): 0 MiB free in \S+: mail that does not fit is deferred; free some/,
    ],
  },
  {
    name: 'blanks before = in tcp.smtp',
    env: { QHPSI: '' },
    service: ({ at }) => {
      const rule = `:allow,QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar",REJECTVIRUS ="1"\n`
      execFileSync('tcprules', [at('tcp.cdb'), at('tmp')], { input: rule })
      return tcpserver('-x', at('tcp.cdb'))
    },
    expect: [
      AS_ROOT,
      /^ok infected mail: is tagged/,
      /^warning settings: "REJECTVIRUS " is not a setting: .*; did you mean REJECTVIRUS, without blanks around =\?/,
    ],
  },
]
