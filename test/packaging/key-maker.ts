import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What makes keys of gpg(1) in a ring that goes with the test; each returns its fingerprint. */
export function keyMaker(t: { teardown(end: () => void): unknown }): (name: string) => string {
  const ring = mkdtempSync(join(tmpdir(), 'onescan-ring-'))
  process.env.GNUPGHOME = ring
  const gpg = (...words: string[]) =>
    execFileSync('gpg', ['--batch', '--pinentry-mode', 'loopback', '--passphrase', '', ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  t.teardown(() => {
    execFileSync('gpgconf', ['--kill', 'all'], { stdio: 'ignore' })
    rmSync(ring, { recursive: true, force: true })
  })
  return (name) => {
    gpg('--quick-generate-key', name, 'ed25519', 'sign', 'never')
    return /^fpr:+(\w+):$/m.exec(gpg('--with-colons', '--list-secret-keys', name))![1]!
  }
}
