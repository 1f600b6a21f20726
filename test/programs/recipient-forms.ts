/**
 * Written forms of RCPT, made of parts that mail servers read in different ways: comments, quotes,
 * routes, blanks, the percent hack, bang paths and more. Most lead a lenient server to
 * victim@example.org, and some readers to trap.example.org.
 */
export const TRAP = 'trap.example.org'
export const VICTIM = 'victim@example.org'

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

/** All forms, without RCPT TO: and without doubles. */
export function recipientForms(): string[] {
  const addresses = locals.flatMap((local) =>
    ats.flatMap((at) => domains.map((domain) => `${local}${at}${domain}`)),
  )
  const plainOnes = [VICTIM, '"victim"@example.org', 'victim@Example.ORG.']
  const wrapped = plainOnes.flatMap((address) => around.map((form) => form(address)))
  return [...new Set([...[...addresses, ...special].map((address) => `<${address}>`), ...wrapped])]
}
