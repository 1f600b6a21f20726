import { utimesSync } from 'node:fs'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import {
  type ClamdAddress,
  readClamdAddress,
} from '../../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { clamdHasLoaded } from '../../../../../src/scanner/scan/scanners/clamd/versions.ts'
import type { Scanner } from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  SETTLED_AFTER_SECONDS,
  type SignatureFiles,
} from '../../../../../src/scanner/scan/scanners/signatures/signature-files.ts'
import { findSignaturesInUse } from '../../../../../src/scanner/scan/scanners/signatures/signatures-in-use.ts'
import { socketDirectory } from '../../../../programs/host/socket-directory.ts'

/** Whether clamd has loaded the signature files of this host. */

const NOW = 1_800_000_000
const remote = readClamdAddress('scan1:3310')
const version = (number: number) => `ClamAV 1.4.3/${number}/Tue Apr  8 08:43:46 2025`

function files(setup: {
  readonly official?: number
  readonly others?: number
  readonly size?: number
}): SignatureFiles {
  const { official, others, size = 0 } = setup
  return {
    changed: Math.max(official ?? 0, others ?? 0),
    seen: NOW,
    size,
    ...(official !== undefined && { official: { changed: official, number: 27_600 } }),
    ...(others !== undefined && { others }),
  }
}

const has = (
  address: ClamdAddress,
  version: string | undefined,
  setup: Parameters<typeof files>[0],
) =>
  clamdHasLoaded({ address, version: version }, files(setup), (changed) => {
    return changed === undefined || NOW >= changed + SETTLED_AFTER_SECONDS
  })

t.test('clamd has loaded the signatures of ClamAV whose number it names', async (t) => {
  t.ok(await has(remote, version(27_600), { official: NOW - 1 }))
  t.notOk(await has(remote, version(27_599), { official: NOW - 1 }))
  t.notOk(await has(remote, 'ClamAV 1.4.3', { official: NOW - 1 }))
  t.notOk(await has(remote, undefined, { official: NOW - 1 }))
})

t.test("a site's own signatures are loaded after some time", async (t) => {
  const settled = NOW - SETTLED_AFTER_SECONDS
  t.notOk(await has(remote, version(27_600), { official: NOW - 1, others: settled + 1 }))
  t.ok(await has(remote, version(27_600), { official: NOW - 1, others: settled }))
  t.ok(await has(remote, undefined, { official: settled, others: settled }))
})

t.test('a clamd that made its socket after the change has loaded all signatures', async (t) => {
  const { address, made } = await socketMade(t)
  t.ok(await has(address, undefined, { official: made - 1, others: made - 1 }))
  t.notOk(await has(address, undefined, { others: made + 0.001 }))
  const large = { size: 10_000_000 } // which takes a while
  t.notOk(await has(address, undefined, { others: made - 1, ...large }))
  t.ok(await has(address, undefined, { others: made - 60, ...large }))
})

async function socketMade(t: Test) {
  const path = `${socketDirectory(t)}/s`
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => server.close())
  utimesSync(path, NOW - 100, NOW - 100)
  return { address: readClamdAddress(path), made: NOW - 100 }
}

t.test('signatures that no scanner names are loaded when they have settled', async (t) => {
  const scanner = (signatures: 'not reported' | "this host's"): Scanner => ({
    name: 'x',
    hasBans: false,
    cacheable: { identity: 'x', signatures },
    scan: async () => ({ answer: 'clean' }),
  })
  const changed = files({ others: NOW - 1 })
  const later = (NOW - 1 + SETTLED_AFTER_SECONDS) * 1000
  t.notOk((await findSignaturesInUse([scanner("this host's")], changed, NOW * 1000)).areLoaded)
  t.ok((await findSignaturesInUse([scanner("this host's")], changed, later)).areLoaded)
  t.ok(
    (await findSignaturesInUse([scanner('not reported')], changed, NOW * 1000)).areLoaded,
    'or not by them',
  )
  t.ok((await findSignaturesInUse([scanner("this host's")], undefined, NOW * 1000)).areLoaded)
})
