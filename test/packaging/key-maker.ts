import { execFileSync } from 'node:child_process'
import type { Ending } from '../programs/host/server.ts'
import { socketDirectory } from '../programs/host/socket-directory.ts'

/** What makes keys of gpg(1) in a ring that goes with the test; each returns its fingerprint. */
export function keyMaker(t: Ending): (name: string) => string {
  const ring = socketDirectory(t)
  process.env.GNUPGHOME = ring
  const gpg = (...words: string[]) =>
    execFileSync('gpg', ['--batch', '--pinentry-mode', 'loopback', '--passphrase', '', ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  t.teardown(() => execFileSync('gpgconf', ['--kill', 'all'], { stdio: 'ignore' }))
  return (name) => {
    gpg('--quick-generate-key', name, 'ed25519', 'sign', 'never')
    return /^fpr:+(\w+):$/m.exec(gpg('--with-colons', '--list-secret-keys', name))![1]!
  }
}
