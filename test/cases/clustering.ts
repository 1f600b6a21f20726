import { listFingerprint } from '../../src/scanner/scan/scanners/attachments/ban-names.ts'
import { hmacValue, md5Hex } from '../scanner/scan/stamps/independent.ts'
import { bytes, type Case, type Stage, scanning } from './case.ts'
import { infected, plain, troublesome } from './messages.ts'

const secret = Buffer.alloc(32, 5)
const hmacLine = `hmac-sha256:alpha:${secret.toString('base64url')}\n`
const foreignLine = `hmac-sha256:gamma:${Buffer.alloc(32, 6).toString('base64url')}\n`

const settings =
  (ring: string, more: Readonly<Record<string, string>> = {}) =>
  ({ scanner, file }: Stage) => ({
    QHPSI: scanner,
    CLUSTERKEYS: file('ring', ring),
    CLAMDBDIR: '/nonexistent',
    REJECTVIRUS: '1',
    ...more,
  })

const md5Stamped = (message: Buffer, number = '1') =>
  Buffer.concat([bytes(`X-MD5-Cluster-${number}: ${md5Hex(message, 'sesame')}\n`), message])

interface Claims {
  readonly age?: number
  readonly scanners?: string
}

const hmacStamped =
  (message: Buffer, { age = 10, scanners = 'counting-scanner,everypart' }: Claims = {}) =>
  ({ now }: Stage) => {
    const value = hmacValue(message, secret, { id: 'alpha', time: now - age, scanners })
    return Buffer.concat([bytes(`X-SHA256-Cluster-1: ${value}\n`), message])
  }

const trusted = { outcome: 'delivered', scans: 0, xQhpsi: 'clean', newStamps: 0 } as const
const scanned = { outcome: 'delivered', scans: 1, xQhpsi: 'clean' } as const
/** As often as it takes: readers differ about it. */
const looked = { outcome: 'delivered', xQhpsi: 'clean' } as const

/** What a host may ask of a scan besides viruses, and the words of a stamp that state it. */
const besides: Readonly<
  Record<string, { words: string; more: (stage: Stage) => Readonly<Record<string, string>> }>
> = {
  macros: { words: '~macros', more: () => ({ FINDINGS: 'macros=refuse' }) },
  'several properties': {
    words: '~broken,~encrypted,~phishing',
    more: () => ({ FINDINGS: 'encrypted=tag phishing=defer broken=refuse' }),
  },
  'banned names': {
    words: `~bans-${listFingerprint(['*.exe'])}`,
    more: ({ file }) => ({ ARCHIVEBANS: 'on', BADATTACHMENTS: file('rules', 'name *.exe\n') }),
  },
}

/** Whom a host believes, and what it signs. */
export const clustering: readonly Case[] = [
  {
    name: 'a message that a trusted host stamped is not scanned again (md5)',
    message: () => md5Stamped(plain),
    settings: settings('sesame\n'),
    expect: { ...trusted, log: /scan=trusted key=line-1/ },
  },
  {
    name: 'a message that a trusted host stamped is not scanned again (hmac-sha256)',
    message: hmacStamped(plain),
    settings: settings(hmacLine),
    expect: { ...trusted, log: /scan=trusted key=alpha/ },
  },
  {
    name: 'a host with a second look does not trust the stamp of a host without one',
    message: hmacStamped(plain, { scanners: 'counting-scanner' }),
    settings: settings(hmacLine),
    expect: { ...scanned, newStamps: 1 },
  },
  ...Object.entries(besides).flatMap(([what, { words, more }]): Case[] => [
    {
      name: `a host that asks for ${what} does not trust the stamp of a host that did not`,
      message: hmacStamped(plain),
      settings: (stage) => settings(hmacLine, more(stage))(stage),
      expect: { ...scanned, newStamps: 1 },
    },
    {
      name: `a host that asks for ${what} trusts the stamp of a host that did, too`,
      message: hmacStamped(plain, { scanners: `counting-scanner,everypart,${words}` }),
      settings: (stage) => settings(hmacLine, more(stage))(stage),
      expect: trusted,
    },
    {
      name: `a stamp of the scheme md5 does not cover ${what}`,
      message: () => md5Stamped(plain),
      settings: (stage) => settings('sesame\n', more(stage))(stage),
      expect: { ...scanned, newStamps: 1 },
    },
  ]),
  {
    name: 'no stamp vouches for STRICTMIME',
    message: hmacStamped(bytes('Content-Type: text/plain\nContent-Type: text/html\n\nhello\n')),
    settings: settings(hmacLine, { STRICTMIME: 'refuse' }),
    expect: { outcome: 'refused', scans: 0, text: /malformed MIME/ },
  },
  {
    name: 'a host without a second look trusts stamps with and without one',
    message: hmacStamped(plain, { scanners: 'counting-scanner' }),
    settings: settings(hmacLine, { SECONDLOOK: 'never' }),
    expect: trusted,
  },
  {
    name: 'an old key below the new one still verifies',
    message: () => md5Stamped(plain, '7'),
    settings: settings(`${hmacLine}md5:old:sesame\n`),
    expect: { ...trusted, log: /key=old/ },
  },
  {
    name: 'without a stamp a message is scanned and signed by the first key',
    message: () => plain,
    settings: settings(`md5:first:sesame\n${hmacLine}`),
    expect: {
      ...scanned,
      delivered: (sent) =>
        bytes(
          `X-QHPSI: clean\nX-MD5-Cluster-1: ${md5Hex(sent, 'sesame')}\n${sent.toString('latin1')}`,
        ),
    },
  },
  {
    name: 'a foreign stamp stays, and the new one takes the next number',
    message: () => bytes(`X-MD5-Cluster-1: ${'0'.repeat(32)}\n${plain.toString('latin1')}`),
    settings: settings('sesame\n'),
    expect: {
      ...scanned,
      newStamps: 1,
      delivered: (sent) =>
        bytes(
          `X-QHPSI: clean\nX-MD5-Cluster-2: ${md5Hex(plain, 'sesame')}\n${sent.toString('latin1')}`,
        ),
    },
  },
  {
    name: 'a stamp of a foreign cluster does not spare the scan',
    message: hmacStamped(plain),
    settings: settings(foreignLine),
    expect: { ...scanned, newStamps: 1 },
  },
  {
    name: 'CRLF mail gets the same stamp as LF mail',
    message: () => {
      const crlf = md5Stamped(plain).toString('latin1').replaceAll('\n', '\r\n')
      return bytes(crlf)
    },
    settings: settings('sesame\n'),
    expect: trusted,
  },
  {
    name: 'a stamp over another body is not believed',
    message: () => bytes(md5Stamped(plain).toString('latin1').replace('Hello', 'VIRUS\nHello')),
    settings: settings('sesame\n'),
    expect: { outcome: 'refused', scans: 1 },
  },
  {
    name: 'a stamped body under another header is not believed',
    message: (stage) =>
      bytes(hmacStamped(plain)(stage).toString('latin1').replace('Subject: ', 'Subject: Re ')),
    settings: settings(hmacLine),
    expect: { ...scanned, newStamps: 1 },
  },
  {
    name: 'a Content-* field above the stamp breaks it',
    message: (stage) =>
      Buffer.concat([bytes('Content-Type: text/html\n'), hmacStamped(plain)(stage)]),
    settings: settings(hmacLine),
    expect: { ...scanned, scans: 2, newStamps: 1, log: /added above the stamp/ },
  },
  ...['(c)Content-Type: text/html\n', 'X-Cr: a\rContent-Type: text/html\n'].map(
    (line): Case => ({
      name: `a header that is not well formed is scanned and not signed: ${JSON.stringify(line)}`,
      message: () => Buffer.concat([bytes(line), md5Stamped(plain)]),
      settings: settings('sesame\n'),
      expect: { ...looked, newStamps: 0, log: /not well formed/ },
    }),
  ),
  {
    name: 'a message with an old stamp is scanned again',
    message: hmacStamped(plain, { age: 3700 }),
    settings: settings(hmacLine),
    expect: { ...scanned, newStamps: 1, log: /6\d min( \d+ s)? old/ },
  },
  {
    name: 'CLUSTERMAXAGE sets the age from which on a stamp is old',
    message: hmacStamped(plain, { age: 3700 }),
    settings: settings(hmacLine, { CLUSTERMAXAGE: '7200' }),
    expect: trusted,
  },
  {
    name: 'a message with a stamp from before the last signature update is scanned again',
    message: hmacStamped(plain),
    settings: (stage) => ({
      ...settings(hmacLine)(stage),
      CLAMDBDIR: stage.file('signatures/daily.cld', '').replace('/daily.cld', ''),
    }),
    expect: {
      ...scanned,
      newStamps: 1,
      log: /this host has had new signatures since; stamps made from \d{4}-\S+Z on are trusted/,
    },
  },
  {
    // promise: key-bans
    name: 'a stamp of another scanner does not spare this one',
    message: hmacStamped(plain, { scanners: 'clamd' }),
    settings: settings(hmacLine),
    expect: { ...scanned, newStamps: 1 },
  },
  {
    // promise: cluster-only
    name: 'with CLUSTERPEERS=required no other host is trusted',
    message: hmacStamped(plain),
    settings: settings(hmacLine, { CLUSTERPEERS: 'required' }),
    expect: { ...scanned, newStamps: 1, log: /not a CLUSTERPEER/ },
  },
  {
    name: 'with CLUSTERPEERS=required a CLUSTERPEER is trusted',
    message: hmacStamped(plain),
    settings: settings(hmacLine, { CLUSTERPEERS: 'required', CLUSTERPEER: '' }),
    expect: trusted,
  },
  {
    name: 'an infected message gets no stamp',
    message: () => infected,
    settings: settings('sesame\n', { REJECTVIRUS: '0' }),
    expect: { outcome: 'delivered', xQhpsi: 'virus found', newStamps: 0 },
  },
  {
    name: 'a message that could not be scanned gets no stamp',
    message: () => troublesome,
    settings: settings('sesame\n', { SCANFAIL: 'accept' }),
    expect: { outcome: 'delivered', xQhpsi: null, newStamps: 0 },
  },
  {
    name: 'a message that was skipped by its size gets no stamp',
    message: () => plain,
    settings: settings('sesame\n', { QHPSIMAXSIZE: '10' }),
    expect: { outcome: 'delivered', scans: 0, xQhpsi: null, newStamps: 0 },
  },
  {
    name: 'a trusted message counts as clean, whatever the size limits are here',
    message: () => md5Stamped(plain),
    settings: settings('sesame\n', { QHPSIMAXSIZE: '10' }),
    expect: trusted,
  },
  {
    name: 'a forged X-QHPSI is removed from a trusted message, and its stamp holds',
    message: (stage) => Buffer.concat([bytes('X-QHPSI: virus found\n'), hmacStamped(plain)(stage)]),
    settings: settings(hmacLine),
    expect: trusted,
  },
  {
    name: 'the stamp of a message that lost a forged X-Quarantine-ID holds on the next host',
    message: () => bytes(`X-Quarantine-ID: forged\n${plain.toString('latin1')}`),
    settings: settings(hmacLine, { VIRUSFORWARD: 'virus@example.org' }),
    expect: { ...scanned, newStamps: 1 },
  },
  {
    name: 'trusted mail keeps an X-Quarantine-ID that its stamp covers, and the stamp',
    message: (stage) =>
      hmacStamped(bytes(`X-Quarantine-ID: a@example.org\n${plain.toString('latin1')}`))(stage),
    settings: settings(hmacLine, { VIRUSFORWARD: 'virus@example.org' }),
    expect: {
      ...trusted,
      delivered: (sent) => Buffer.concat([bytes('X-QHPSI: clean\n'), sent]),
    },
  },
  {
    name: 'an X-Quarantine-ID above the stamp is removed, since no stamp covers it',
    message: (stage) =>
      Buffer.concat([bytes('X-Quarantine-ID: forged\n'), hmacStamped(plain)(stage)]),
    settings: settings(hmacLine, { VIRUSFORWARD: 'virus@example.org' }),
    expect: {
      ...trusted,
      delivered: (sent) =>
        bytes(sent.toString('latin1').replace('X-Quarantine-ID: forged\n', 'X-QHPSI: clean\n')),
    },
  },
  {
    // promise: key-bans
    name: 'bans apply to trusted mail, too',
    message: () => md5Stamped(bytes('Subject: x\nContent-Type: text/plain; name=a.exe\n\nbody\n')),
    settings: (stage) => ({
      ...settings('sesame\n')(stage),
      QHPSI: 'plugin: eicar attachments',
      BADATTACHMENTS: stage.file('badattachments', 'name *.exe\n'),
    }),
    expect: {
      outcome: 'refused',
      text: /banned attachment a\.exe/,
      log: /scan=infected (?!.*virus=).*banned="attachment a\.exe" grounds=banned/,
    },
  },
  {
    name: 'without the default keyring clustering is off',
    message: () => md5Stamped(plain),
    settings: scanning({ CONTROLDIR: '/nonexistent' }),
    expect: { ...scanned, newStamps: 0 },
  },
]
