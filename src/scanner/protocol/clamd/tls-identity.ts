import { errorText, Fault } from '../../../base/errors/fault.ts'
import { readForeignFile } from '../../../base/path/open.ts'
import { readSecret } from '../../../base/path/secret-file.ts'

/** The settings that name the files: onescan-settings(5), CLAMDCERT. */
export interface TlsFiles {
  readonly CLAMDCERT?: string | undefined
  readonly CLAMDKEY?: string | undefined
  readonly CLAMDCA?: string | undefined
}

/**
 * The certificate and key of this host, and the authorities that certify other hosts, all in PEM: the options
 * of node:tls for both ends. TLS 1.3 has no renegotiation.
 */
export interface TlsIdentity {
  readonly cert: Buffer
  readonly key: string
  readonly ca: Buffer
  readonly minVersion: 'TLSv1.3'
}

const CERTIFICATE = /^-----BEGIN CERTIFICATE-----/m
const CERTIFICATES = /^-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?/gm
const PRIVATE_KEY = /^-----BEGIN (?:EC |RSA )?PRIVATE KEY-----/m

/**
 * Reads the files. Throws a Fault of kind `config` if one is not named, cannot be read or has another
 * content, and if every user can read the key.
 */
export function readTlsIdentity({ CLAMDCERT, CLAMDKEY, CLAMDCA }: TlsFiles): TlsIdentity {
  if (!CLAMDCERT || !CLAMDKEY || !CLAMDCA) {
    throw new Fault('config', 'set CLAMDCERT, CLAMDKEY and CLAMDCA; TLS needs all three')
  }
  const cert = attempted('CLAMDCERT', () => readForeignFile(CLAMDCERT))
  const key = attempted('CLAMDKEY', () => readSecret(CLAMDKEY))
  const ca = attempted('CLAMDCA', () => readForeignFile(CLAMDCA))
  for (const [name, path, text, pattern, content] of [
    ['CLAMDCERT', CLAMDCERT, cert.toString('latin1'), CERTIFICATE, 'certificate'],
    ['CLAMDKEY', CLAMDKEY, key, PRIVATE_KEY, 'private key without a passphrase'],
    ['CLAMDCA', CLAMDCA, ca.toString('latin1'), CERTIFICATE, 'certificate'],
  ] as const) {
    if (pattern.test(text)) continue
    throw new Fault('config', `${name} ${path}: contains no ${content} in PEM; set another file`)
  }
  return { cert, key, ca, minVersion: 'TLSv1.3' }
}

/** The identity of this host, and the expiry of its certificate, in milliseconds since 1970. */
export interface CheckedIdentity {
  readonly identity: TlsIdentity
  readonly endsAt: number
}

/** Reads the files as readTlsIdentity() does. Rejects with the same Fault also if they do not fit together. */
export async function checkTlsIdentity(files: TlsFiles): Promise<CheckedIdentity> {
  const identity = readTlsIdentity(files)
  const [{ createSecureContext }, { X509Certificate }] = await Promise.all([
    import('node:tls'),
    import('node:crypto'),
  ])
  const { CLAMDCERT, CLAMDKEY, CLAMDCA } = files
  const { validTo } = attempted(`CLAMDCERT ${CLAMDCERT}`, () => new X509Certificate(identity.cert))
  for (const [authority] of identity.ca.toString('latin1').matchAll(CERTIFICATES)) {
    const { ca } = attempted(`CLAMDCA ${CLAMDCA}`, () => new X509Certificate(authority))
    if (ca) continue
    throw new Fault(
      'config',
      `CLAMDCA ${CLAMDCA}: contains a certificate that is not a CA certificate`,
    )
  }
  attempted(`CLAMDKEY ${CLAMDKEY}: is not the key of CLAMDCERT`, () =>
    createSecureContext(identity),
  )
  return { identity, endsAt: Date.parse(validTo) }
}

function attempted<Value>(content: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw new Fault('config', `${content}: ${errorText(error)}`, error)
  }
}

type Reasons = Readonly<Record<string, string>>

/** Why a certificate is not trusted, with the remedy, by the code of the error of node:tls. */
const untrusted: Reasons = {
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it there, and reload onescand',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: check the clocks of both hosts',
  CERT_SIGNATURE_FAILURE: 'no authority in CLAMDCA signed its certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'no authority in CLAMDCA signed its certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'no authority in CLAMDCA signed its certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'no authority in CLAMDCA signed its certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'no authority in CLAMDCA signed its certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'no authority in CLAMDCA signed its certificate',
  INVALID_PURPOSE: 'the extendedKeyUsage of its certificate forbids this use',
}

const refusedClients: Reasons = {
  ...untrusted,
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'it has no certificate: set CLAMDCERT there',
}

const refusedServers: Reasons = {
  ...untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: use that name in CLAMD',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not use TLS: write its address without tls://',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it does not support TLS 1.3',
}

/** Returns why a client is refused, with the remedy, or undefined for errors unrelated to certificates. */
export const whyClientIsRefused = (code: string): string | undefined => refusedClients[code]
/** Returns why a server is not asked over TLS, with the remedy, or undefined for errors of the connection. */
export const whyServerIsRefused = (code: string): string | undefined => refusedServers[code]
