import * as crypto from 'node:crypto'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { judge } from '../../src/judge/engine.ts'
import { readScanningPolicy } from '../../src/judge/policy.ts'
import { makeEnvelope } from '../../src/message/envelope/envelope.ts'
import { messageOf } from '../../src/message/intake.ts'
import type { Scanner } from '../../src/scan/shared/scanner.ts'
import { key, keyring } from '../second-reader/stamped.ts'

/** The time that a stamp bears. */

t.test(
  'a stamp bears the time at which the scan began, so signatures that change during the scan are newer',
  async (t) => {
    const ring = join(t.testdir({ ring: t.fixture('file', keyring) }), 'ring')
    chmodSync(ring, 0o600)
    const policy = readScanningPolicy({ QHPSI: 'plugin: clamd', CLUSTERKEYS: ring })!
    let now = 1_800_000_000_000
    let changed: number | undefined
    const scanner: Scanner = {
      name: 'clamd',
      local: false,
      async scan() {
        now += 40_000
        changed = now / 1000
        now += 40_000
        return { answer: 'clean' }
      },
    }
    const look = async (bytes: Buffer) => {
      const digestsFor = () => ({ md5: false, sha256: true })
      const options = { policy: policy.spool, digestsFor, createHash: crypto.createHash, now }
      const message = messageOf(bytes, options)
      const envelope = makeEnvelope(Buffer.from('a@example.org'), [Buffer.from('b@example.org')])
      const client = { relay: false, clusterPeer: false, bounceInjector: false }
      return judge({ message, envelope, client }, policy, {
        scanners: [scanner],
        crypto,
        signatureFiles: () =>
          changed === undefined
            ? undefined
            : { changed, others: changed, size: 0, seen: now / 1000 },
        now: () => now,
        uptime: () => now,
      })
    }
    const letter = Buffer.from('From: a@example.org\n\nHello\n')
    const first = await look(letter)
    if (first.kind !== 'accept') throw new Error(first.kind)
    const [, stamp] = first.edits.add
    t.match(stamp?.value, new RegExp(`k=${key.id}; t=1800000000; `))
    const field = Buffer.from(`${stamp!.name}: ${stamp!.value}\n`)
    const second = await look(Buffer.concat([field, letter]))
    t.match(second.findings, { scan: 'clean', why: /stamp is older than the signatures here/ })
  },
)
