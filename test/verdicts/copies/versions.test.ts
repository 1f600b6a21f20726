import t from 'tap'
import type { Scanner } from '../../../src/scan/shared/scanner.ts'
import { noteVersions, versionsNow } from '../../../src/verdicts/copies/versions.ts'

/** The versions of signatures that scanners name, before and during a scan. */

type Signatures = NonNullable<Scanner['memorable']>['signatures']

const scanner = (name: string, signatures: Signatures): Scanner => ({
  name,
  local: false,
  memorable: { identity: name, signatures },
  scan: async () => ({ answer: 'clean' }),
})
const clamd = scanner('clamd', async () => 'ClamAV 1.4.3/27600/Tue')
const eicar = scanner('eicar', async () => '')
const command = scanner('command', "this host's")
const plugin = scanner('plugin', 'not told')
const broken = scanner('broken', async () => undefined)

t.test('who has no number goes by the host and its date, who has none is left out', async (t) => {
  t.same(await versionsNow([clamd, eicar, command], { host: 'mx1', signatureDate: 1.8e9 }), {
    clamd: 'ClamAV 1.4.3/27600/Tue',
    command: 'mx1 1800000000',
  })
})

t.test('one scanner that does not tell when its signatures change is enough', async (t) => {
  const here = { host: 'mx1', signatureDate: 1.8e9 }
  const undated = { host: 'mx1', signatureDate: undefined }
  t.ok(await versionsNow([clamd], undated))
  t.equal(await versionsNow([clamd, command], undated), undefined)
  t.equal(await versionsNow([clamd, plugin], here), undefined)
  t.equal(await versionsNow([plugin, clamd], here), undefined)
  t.equal(await versionsNow([clamd, broken], here), undefined)
})

t.test('the oldest signatures count that a scanner names while it scans', async (t) => {
  const joined = (...told: readonly (string | undefined)[]) => {
    const notes = noteVersions({ clamd: 'ClamAV 1.4.3/27605/Fri', other: 'x' })
    for (const version of told) notes.told('clamd', version)
    return notes.joined()
  }
  const version = (number: number) => `ClamAV 1.4.3/${number}/Tue`
  t.equal(joined(), 'clamd=ClamAV 1.4.3/27605/Fri; other=x', 'none is named')
  t.equal(joined(version(27_601)), `clamd=${version(27_601)}; other=x`, 'not those before the scan')
  t.equal(joined(version(27_606)), `clamd=${version(27_606)}; other=x`)
  t.equal(joined(version(27_601), version(27_600)), `clamd=${version(27_600)}; other=x`)
  t.equal(joined(version(27_600), version(27_601)), `clamd=${version(27_600)}; other=x`)
  t.equal(joined(version(27_600), 'odd'), undefined, 'nobody can tell which is older')
  t.equal(joined('odd', 'odd'), 'clamd=odd; other=x')
  t.equal(joined(version(27_600), undefined), undefined, 'a part was scanned by unknown ones')
  t.equal(joined(undefined, version(27_600)), undefined)
})
