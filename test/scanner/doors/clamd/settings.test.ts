import t from 'tap'
import { FINDING_ACTIONS, PROPERTIES } from '../../../../src/base/settings/table/findings.ts'
import { mailSettings } from '../../../../src/base/settings/table.ts'
import { resultByName } from '../../../../src/scanner/scan/scanners/clamd/clamav-names.ts'
import {
  clean,
  infected,
  type ScanResult,
  unread,
} from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { namesOfProperties } from '../../../cases/every-value.ts'
import { plain } from '../../../cases/messages.ts'
import { inStream, openClamdDoor } from './rig.ts'

/** Every value of every setting that is a word, and each word of FINDINGS, where the client decides. */

const words: readonly (readonly [setting: string, word: string])[] = [
  ...Object.entries(mailSettings).flatMap(([name, setting]) =>
    setting.kind === 'word' ? setting.words.map((word) => [name, word] as const) : [],
  ),
  ...PROPERTIES.flatMap((property) =>
    FINDING_ACTIONS.map((action) => ['FINDINGS', `${property}=${action}`] as const),
  ),
]

/** What clamd finds, by its name, and the word of FINDINGS for it. */
const findings: Readonly<Record<string, string | undefined>> = {
  'Win.Test': undefined,
  ...Object.fromEntries(PROPERTIES.map((property) => [namesOfProperties[property], property])),
  'Heuristics.Limits.Exceeded.MaxScanSize': undefined,
  'Heuristics.Limits.Exceeded.MaxRecursion': undefined,
  'Heuristics.Limits.Exceeded.MaxFiles': undefined,
  'Heuristics.Limits.Exceeded.MaxScanTime': undefined,
}

// promise: found-is-found
t.test('a finding of clamd is reported by its name, unless a setting accepts it', async (t) => {
  for (const [setting, word] of words) {
    let result: ScanResult = clean
    const scan = async () => result
    const base = { QHPSI: 'plugin: eicar', QUARANTINE: '/nonexistent', BADATTACHMENTS: '*.exe' }
    const door = await openClamdDoor(t, { ...base, [setting]: word }, { scan })
    for (const [name, by] of Object.entries(findings)) {
      const isLetIn = word === `${by}=accept` || word === `${by}=tag`
      result = by === undefined ? resultByName(name, 'x') : infected(name)
      const expected = isLetIn ? 'stream: OK\0' : `stream: ${name} FOUND\0`
      t.equal(await door.ask(inStream(plain)), expected, `${setting}=${word}: ${name}`)
    }
    for (const what of [
      'size',
      'unpacked',
      'depth',
      'contents',
      'encrypted',
      'oddities',
    ] as const) {
      result = unread(what, 'x')
      t.notMatch(await door.ask(inStream(plain)), /bug/, `${setting}=${word}: ${what}`)
    }
  }
  t.ok(words.length > 50)
})
