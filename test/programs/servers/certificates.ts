import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import type { Ending } from '../host/server.ts'

export const opensslMissing: string | false = lacks('openssl')

/** The settings of one host: its certificate and key, and the authority. */
export type TlsSettings = Readonly<Record<'CLAMDCERT' | 'CLAMDKEY' | 'CLAMDCA', string>>

export interface Authority {
  readonly directory: string
  /**
   * Makes a certificate, by default for 127.0.0.1 and localhost, in files of this name: a second one of the
   * name replaces the first.
   */
  certify(name: string, how?: { readonly names?: string; readonly days?: number }): TlsSettings
}

/** Makes an authority as doc/cluster.md describes it. Its files go with the test. */
export function makeAuthority(t: Ending): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-tls-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const at = (name: string) => join(directory, name)
  const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'ignore' })
  const ownKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const ca = ['-subj', '/CN=scanners', '-keyout', at('ca.key'), '-out', at('ca.crt')]
  openssl('req', '-x509', ...ownKey, '-days', '2', ...ca)
  return {
    directory,
    certify(name, { names = 'DNS:localhost,IP:127.0.0.1', days = 2 } = {}) {
      const [key, request, cert] = ['key', 'csr', 'crt'].map((end) => at(`${name}.${end}`))
      openssl('req', ...ownKey, '-subj', `/CN=${name}`, '-keyout', key!, '-out', request!)
      writeFileSync(at('names'), `subjectAltName=${names}\n`)
      const by = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-days', String(days)]
      openssl('x509', '-req', '-in', request!, ...by, '-extfile', at('names'), '-out', cert!)
      return { CLAMDCERT: cert!, CLAMDKEY: key!, CLAMDCA: at('ca.crt') }
    },
  }
}
