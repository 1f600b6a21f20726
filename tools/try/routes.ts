import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Expectation } from './check.ts'
import type { HostName } from './hosts.ts'
import { infectedMail, infectWithin } from './infected-mail.ts'
import type { Hop, HopResult, Route } from './travel.ts'

const messages = join(import.meta.dirname, '../../test/messages')

const virusFound: Expectation = { scan: 'infected', outcome: { tag: 'virus found', stamps: [] } }
const refused = (refusal: (virus: string) => string): Expectation => ({
  scan: 'infected',
  outcome: { refusal },
})

/** What a clean message meets that enters the cluster at alpha. */
const throughAllHosts: readonly Hop[] = [
  { host: 'alpha', expect: { scan: 'clean', outcome: { tag: 'clean', stamps: ['alpha'] } } },
  {
    host: 'beta',
    expect: { scan: 'trusted', key: 'alpha', outcome: { tag: 'clean', stamps: ['alpha'] } },
  },
  {
    host: 'gamma',
    expect: {
      scan: 'clean',
      because: 'no stamp of a key in the keyring',
      outcome: { tag: 'clean', stamps: ['gamma', 'alpha'] },
    },
  },
]

const cleanMail = (name: string, about: string, detail: Route['detail'] = 'in a line'): Route => ({
  name,
  about,
  detail,
  message: () => readFileSync(join(messages, name)),
  hops: throughAllHosts,
})

export const routes: readonly Route[] = [
  cleanMail('plain.eml', 'plain text', 'in full'),
  cleanMail('eight-bit.eml', '8-bit text, and an 8-bit Subject'),
  cleanMail('quoted-printable.eml', 'quoted-printable text'),
  cleanMail('base64.eml', 'base64 text'),
  cleanMail('multipart.eml', 'text with a table and a picture attached'),
  cleanMail('html-alternative.eml', 'text and HTML, to choose from'),
  cleanMail('nested.eml', 'a forwarded message within the message'),
  cleanMail('long-header.eml', 'a header line of 4,008 bytes, 120 References'),
  cleanMail('crlf.eml', 'lines that end in CRLF'),
  cleanMail('forged-tag.eml', 'brings its own X-QHPSI, three times'),
  {
    name: 'EICAR',
    about: 'the EICAR test file attached; REJECTVIRUS is not set',
    detail: 'in short',
    message: () => infectedMail(),
    hops: [
      { host: 'alpha', expect: virusFound },
      { host: 'beta', expect: virusFound },
    ],
  },
  {
    name: 'EICAR, forged',
    about: 'the same, but it claims to be clean',
    detail: 'in short',
    message: () => Buffer.concat([Buffer.from('X-qhpsi:clean\n'), infectedMail()]),
    hops: [{ host: 'alpha', expect: virusFound }],
  },
  {
    name: 'EICAR, refused',
    about: 'REJECTVIRUS=1',
    detail: 'in short',
    message: () => infectedMail(),
    hops: [
      {
        host: 'alpha',
        settings: { REJECTVIRUS: '1' },
        expect: refused(() => '554 mail server permanently rejected message (#5.3.0)'),
      },
    ],
  },
  {
    name: 'EICAR, refused by name',
    about: 'REJECTVIRUS=1 ERROR_FD=6',
    detail: 'in short',
    message: () => infectedMail(),
    hops: [
      {
        host: 'alpha',
        settings: { REJECTVIRUS: '1', ERROR_FD: '6' },
        expect: refused((virus) => `554 message refused: virus ${virus} (#5.7.1)`),
      },
    ],
  },
  {
    name: 'EICAR, replayed',
    about: 'stamp and header of multipart.eml on another body',
    detail: 'in short',
    message: (before) => {
      const delivered = deliveredBy(before, 'multipart.eml', 'alpha')
      return delivered && infectWithin(delivered)
    },
    hops: [
      {
        host: 'beta',
        expect: {
          scan: 'infected',
          because: 'header, body or stamp was changed',
          // The stamp stays where it is: it proves nothing by itself.
          outcome: { tag: 'virus found', stamps: ['alpha'] },
        },
      },
    ],
  },
]

function deliveredBy(before: readonly HopResult[], name: string, host: HostName) {
  const result = before.find(({ route, hop }) => route.name === name && hop.host === host)
  return result?.passage?.delivery?.message
}
