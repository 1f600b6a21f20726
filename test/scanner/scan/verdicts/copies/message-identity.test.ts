import * as crypto from 'node:crypto'
import t from 'tap'
import about from '../../../../../package.json' with { type: 'json' }
import { Bytes } from '../../../../../src/mail/message/bytes.ts'
import type { Scanner } from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import type { SignatureFiles } from '../../../../../src/scanner/scan/scanners/signatures/signature-files.ts'
import {
  isStillValid,
  joinVersions,
} from '../../../../../src/scanner/scan/verdicts/copies/fresh.ts'
import { identify } from '../../../../../src/scanner/scan/verdicts/copies/message-identity.ts'
import { deriveSecrets } from '../../../../../src/scanner/scan/verdicts/copies/secrets.ts'
import { planOf, secondLook } from '../../scanners/run/scanning.ts'
import { examine } from '../../stamps/hashed-message.ts'

/** By what a message and its scan are known: the description, and the signatures of now. */

type Signatures = NonNullable<Scanner['cacheable']>['signatures']

function identityOf(scanners: readonly Scanner[], files?: Partial<SignatureFiles>) {
  const { header, canonical } = examine(Buffer.from('Subject: x\n\nx\n'))
  const message = { canonical, header, body: Bytes.of() }
  return identify({ message, outgoing: header }, planOf(scanners, { settings: secondLook }), {
    secrets: () => deriveSecrets(Buffer.alloc(32, 7), crypto),
    crypto,
    maxAgeSeconds: 3600,
    host: 'mx1',
    signatureFiles: () => files as SignatureFiles | undefined,
  })
}
const versionsNow = async (...given: Parameters<typeof identityOf>) =>
  (await identityOf(...given))?.versions

const scanner = (name: string, signatures: Signatures): Scanner => ({
  name,
  hasBans: false,
  cacheable: { identity: name, signatures },
  scan: async () => ({ answer: 'clean' }),
})
const clamd = scanner('clamd', async () => 'ClamAV 1.4.3/27600/Tue')
const eicar = scanner('eicar', async () => '')
const command = scanner('command', "this host's")
const plugin = scanner('plugin', 'not reported')
const broken = scanner('broken', async () => undefined)
const dated = { changed: 1.8e9 }

t.test('the description of a scan is one line: release, settings, scanners', async (t) => {
  const identity = await identityOf([scanner('a', 'not reported'), scanner('b\n', 'not reported')])
  const { version } = about
  const line = `onescan=${version} secondlook=always besides= scanners=a,b?`
  t.equal(identity?.fingerprintInput.scanDescription, line)
})

t.test('a scanner without a number counts by its host and date', async (t) => {
  t.same(await versionsNow([clamd, eicar, command], dated), {
    clamd: 'ClamAV 1.4.3/27600/Tue',
    command: 'mx1 1800000000',
  })
})

t.test('one scanner without reported signatures is enough', async (t) => {
  t.ok(await versionsNow([clamd]))
  t.equal(await versionsNow([clamd, command]), undefined)
  t.equal(await versionsNow([clamd, plugin], dated), undefined)
  t.equal(await versionsNow([plugin, clamd], dated), undefined)
  t.equal(await versionsNow([clamd, broken], dated), undefined)
})

/** Whether a clean verdict by these signatures counts where the others are. */
function counts(theirs: string, here: string): boolean {
  const where = { host: 'mx1', files: undefined, now: 1.8e9, maxAgeSeconds: 3600 }
  const found = { answer: 'clean' } as const
  const verdict = { found, scanners: ['clamd'], signatures: theirs, time: 1.8e9, host: 'mx1' }
  return isStillValid(verdict, { ...where, signatures: here })
}

t.test('hosts with other files of their own have other signatures', async (t) => {
  const of = async (own?: string) =>
    joinVersions((await versionsNow([clamd], { ...dated, ...(own && { own }) }))!)
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
