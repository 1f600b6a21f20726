import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { infected } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import type { ClientContent } from '../../../../src/scanner/scan/scanners/run/submission.ts'
import { bytes } from '../../../cases/case.ts'
import { plain } from '../../../cases/messages.ts'
import { hmacValue } from '../../scan/stamps/independent.ts'
import { inStream, openClamdDoor } from './rig.ts'

/** What a stamp of the cluster means for the bytes that a client asks about. */

const secret = Buffer.alloc(32, 5)

/** The answer about a message in which something is found, and which has a stamp with these words. */
async function answerAbout(t: Test, contentKind: ClientContent, scanners: string): Promise<string> {
  const ring = join(t.testdir({}), 'ring')
  const keys = `hmac-sha256:alpha:${secret.toString('base64url')}\n`
  writeFileSync(ring, keys, { mode: 0o600 })
  const settings = {
    QHPSI: 'plugin: eicar',
    CLUSTERKEYS: ring,
    CLAMDBDIR: '/nonexistent',
  }
  const door = await openClamdDoor(t, settings, { contentKind, scan: async () => infected('X') })
  const time = Math.floor(Date.now() / 1000) - 10
  const value = hmacValue(plain, secret, { id: 'alpha', time, scanners })
  return door.ask(inStream(Buffer.concat([bytes(`X-SHA256-Cluster-1: ${value}\n`), plain])))
}

// promise: vouches-for-mail
t.test('a stamp is trusted where messages are submitted, and never for files', async (t) => {
  t.equal(await answerAbout(t, 'mails', 'test,everypart'), 'stream: OK\0')
  t.equal(await answerAbout(t, 'files', 'test,everypart'), 'stream: X FOUND\0')
})

// promise: no-recipients
t.test('a release for one person lets in no mail whose recipients are unknown', async (t) => {
  t.equal(await answerAbout(t, 'mails', '!released,!to:x'), 'stream: X FOUND\0')
  t.equal(await answerAbout(t, 'mails', '!released'), 'stream: X FOUND\0')
})
