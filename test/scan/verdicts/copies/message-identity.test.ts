import * as crypto from 'node:crypto'
import t from 'tap'
import type { Scanner } from '../../../../src/scan/scanners/shared/scanner.ts'
import { joinVersions, stillCounts } from '../../../../src/scan/verdicts/copies/fresh.ts'
import { versionsNow } from '../../../../src/scan/verdicts/copies/message-identity.ts'

/** The signatures by which scanners would scan now. */

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
  t.same(await versionsNow([clamd, eicar, command], 'mx1', { changed: 1.8e9 }, crypto), {
    clamd: 'ClamAV 1.4.3/27600/Tue',
    command: 'mx1 1800000000',
  })
})

t.test('one scanner that does not tell when its signatures change is enough', async (t) => {
  const dated = ['mx1', { changed: 1.8e9 }, crypto] as const
  const undated = ['mx1', undefined, crypto] as const
  t.ok(await versionsNow([clamd], ...undated))
  t.equal(await versionsNow([clamd, command], ...undated), undefined)
  t.equal(await versionsNow([clamd, plugin], ...dated), undefined)
  t.equal(await versionsNow([plugin, clamd], ...dated), undefined)
  t.equal(await versionsNow([clamd, broken], ...dated), undefined)
})

/** Whether a clean verdict by these signatures counts where the others are. */
function counts(theirs: string, here: string): boolean {
  const where = { host: 'mx1', files: undefined, now: 1.8e9, maxAge: 3600 }
  const found = { answer: 'clean' } as const
  const verdict = { found, scanners: ['clamd'], signatures: theirs, time: 1.8e9, host: 'mx1' }
  return stillCounts(verdict, { ...where, signatures: here })
}

t.test('hosts with other files of their own have other signatures', async (t) => {
  const of = async (own?: string) =>
    joinVersions(
      (await versionsNow([clamd], 'mx1', { changed: 1.8e9, ...(own && { own }) }, crypto))!,
    )
  const [none, one, two] = [await of(), await of('x.ndb 1\n'), await of('x.ndb 2\n')]
  for (const [theirs, here] of [
    [none, one],
    [one, none],
    [one, two],
  ] as const) {
    t.notOk(counts(theirs, here), `${theirs} | ${here}`)
  }
  t.ok(counts(one.replace('27600', '27601'), one))
})
