import { isWhole } from '../run/is-whole.ts'

/**
 * Written forms of RCPT, made of parts that mail servers read in different ways: comments, quotes,
 * routes, blanks, the percent hack, bang paths and more. Most lead a lenient server to
 * victim@example.org, and some readers to trap.example.org.
 */
export const TRAP = 'trap.example.org'
export const VICTIM = 'victim@example.org'
/** The mailboxes of `<postmaster>` at the servers of postfix.ts and sendmail.ts. */
export const POSTMASTERS = ['postmaster@client.example.org', 'postmaster@sendmail.example.org']

const locals = ['victim', '"victim"', 'vic\\tim', '"vic\\tim"', 'victim(x)', '"vic"tim', 'VICTIM']
const ats = ['@', ' @ ', `(@${TRAP})@`, '@(x)']
const domains = [
  'example.org',
  'Example.ORG.',
  'example\\.org',
  'example.org(x)',
  `example.org(@${TRAP}`,
  `example.org (${TRAP})`,
]

/** Forms around an address. */
const around: readonly ((address: string) => string)[] = [
  (address) => address,
  (address) => `<${address}`,
  (address) => `<<${address}>>`,
  (address) => `< ${address} >`,
  (address) => `<X <${address}>>`,
  (address) => `X <${address}>`,
  (address) => `<"X" <${address}>>`,
  (address) => `<@${TRAP}:${address}>`,
  (address) => `<@${TRAP},@b.example:${address}>`,
  (address) => `<${address}@${TRAP}>`,
  (address) => `<"${address}"@${TRAP}>`,
  (address) => `<"${address}">`,
  (address) => `<g:${address};>`,
  (address) => `<${address},x@${TRAP}>`,
  (address) => `<x@${TRAP},${address}>`,
  (address) => `<${address};x@${TRAP}>`,
  (address) => `<(x)${address}>`,
  (address) => `<${address}(x@${TRAP})>`,
  (address) => `<${address}> <x@${TRAP}>`,
  (address) => `<${address}>x@${TRAP}`,
]

const special = [
  'victim%example.org',
  `victim%example.org@${TRAP}`,
  `"victim%example.org"@${TRAP}`,
  `victim%example.org%b.example@${TRAP}`,
  'example.org!victim',
  `example.org!victim@${TRAP}`,
  `${TRAP}!example.org!victim`,
  `${TRAP}!victim@example.org`,
  `x@${TRAP}@example.org`,
  `"x@${TRAP}@"@example.org`,
  'victim@[example.org]',
  'victim@example.org\\',
  'victim..@example.org',
  '.victim@example.org',
  'victim',
  '\\victim@example.org',
  `:victim@example.org`,
  `|victim@example.org`,
  `x@${TRAP}`,
  `"x"@${TRAP}.`,
]

/** Addresses without a name of DNS. */
const nameless = [
  'postmaster',
  'Postmaster',
  '"postmaster"',
  'victim@[127.0.0.1]',
  'victim@[127.000.000.001]',
  'victim@[IPv6:::1]',
  'victim@[ipv6:0:0:0:0:0:0:0:1]',
  'victim@127.0.0.1',
  'victim@[2130706433]',
  `victim@[${TRAP}]`,
]

/** Characters that are ignored, are dots, or become ASCII when a domain is looked up (UTS 46). */
const disguised = [
  ...['\u00ad', '\u034f', '\u180e', '\u200b', '\u200c', '\u200d', '\u2060', '\ufe0f', '\ufeff'].map(
    (ignored) => `victim@exam${ignored}ple.org`,
  ),
  'victim\u00ad@example.org',
  'vic\u200btim@example.org',
  'victim@example\u3002org',
  'victim@example\uff0eorg',
  'victim@example\uff61org',
  'victim@\uff45xample.org',
  'victim@ex\u1d43mple.org',
  'victim@example.org\u00ad',
  `x@tr\u00adap.example.org`,
  `x@tra\uff50.example.org`,
  'victim@b\u00fccher.example',
  'victim@bu\u0308cher.example',
].map((address) => Buffer.from(address).toString('latin1'))

/**
 * Forms in latin1, without RCPT TO: and without doubles: each part beside plain others, and in
 * `npm run test:nightly` beside each of the others.
 */
export function recipientForms(): string[] {
  const allowed = isWhole ? 3 : 1
  const addresses = locals.flatMap((local, i) =>
    ats.flatMap((at, j) =>
      domains
        .filter((_, k) => [i, j, k].filter((place) => place > 0).length <= allowed)
        .map((domain) => `${local}${at}${domain}`),
    ),
  )
  const plainOnes = [VICTIM, ...(isWhole ? ['"victim"@example.org', 'victim@Example.ORG.'] : [])]
  const wrapped = plainOnes.flatMap((address) => around.map((form) => form(address)))
  return [
    ...new Set([
      ...[...addresses, ...special, ...nameless, ...disguised].map((address) => `<${address}>`),
      ...wrapped,
    ]),
  ]
}
