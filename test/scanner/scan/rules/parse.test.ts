import t from 'tap'
import { parseRules } from '../../../../src/scanner/scan/rules/parse-rules.ts'

const SETTINGS_MAX = 100
const RULE_LINE_MAX = 4096

/** Lines of onescan.policy, and the errors about those that are invalid. */

const ruleOf = (text: string) => parseRules(text, 'file')[0]

t.test('a line is a pattern, blanks and an action', async (t) => {
  t.same(ruleOf('to=example.org scan off\n'), {
    line: 1,
    conditions: { to: { kind: 'domain', text: 'example.org' } },
    action: { kind: 'off' },
  })
  t.same(ruleOf('*\tREJECTVIRUS=1  FINDINGS="PUA.*=tag Heuristics.*=tag"')?.action, {
    kind: 'set',
    settings: { REJECTVIRUS: '1', FINDINGS: 'PUA.*=tag Heuristics.*=tag' },
  })
  t.match(
    ruleOf('to=Ann@Example.ORG.,from=.example.net,auth=no,size>2M,size<3M scan off')?.conditions,
    {
      to: { kind: 'address', text: 'ann@example.org' },
      from: { kind: 'below', text: 'example.net' },
      mayRelay: false,
      larger: 2 * 1024 ** 2,
      smaller: 3 * 1024 ** 2,
    },
  )
  t.same(ruleOf('to=ann@müller.example scan off')?.conditions.to, {
    kind: 'address',
    text: 'ann@xn--mller-kva.example',
  })
  for (const to of ['Example.org.', 'example.org']) {
    t.same(ruleOf(`to=${to} scan off`)?.conditions.to, { kind: 'domain', text: 'example.org' })
  }
  t.same(ruleOf('from=<> scan off')?.conditions, { from: { kind: 'address', text: '' } })
  t.equal(ruleOf('client=2001:db8::/32 scan off')?.conditions.client?.bits, 32)
  t.same(ruleOf('auth=yes scan off')?.conditions, { mayRelay: true })
  t.same(ruleOf('auth scan off')?.conditions, { mayRelay: true })
  t.equal(ruleOf('client=10. scan off')?.conditions.client?.bits, 8)
})

t.test('comments are skipped, CRLF ends lines, and a blank continues one', async (t) => {
  const rules = parseRules('# a\r\n\r\nto=a scan\r\n  off\r\n   \r\n# b\r\nto=b scan off', 'file')
  const numbers = rules.map(({ line }) => line)
  t.same(numbers, [3, 7])
})

t.test('the error about a line names file, line and remedy', async (t) => {
  const lines: readonly (readonly [string, RegExp])[] = [
    ['to=example.org', /has no action: scan off, refuse, allow, or NAME=VALUE/],
    ['too=example.org scan off', /too=example\.org: is not a condition; did you mean to\?/],
    [
      'rcpt=x scan off',
      /is not a condition; use to=, from=, client=, auth, size>, size<, signature= or \*/,
    ],
    ['size> scan off', /size>: must be bytes, with K, M or G/],
    ['to scan off', /to: is not a condition/],
    ['to= scan off', /to=: must be user@domain, domain, \.domain or <>/],
    ['to=@example.org scan off', /is not an address; write a domain without the @/],
    ['to=*@example.org scan off', /\* has no meaning in an address; use the domain/],
    ['to=*.example.org scan off', /\* has no meaning in an address; use the domain, or \.domain/],
    ['to=a\0.org scan off', /has a control character; write text, with LF/],
    ['to=a\ufffd@b.example scan off', /is not in UTF-8; write it in UTF-8/],
    ['# a comment\rto=a scan off', /has a control character/],
    ['to=a,to=b scan off', /to=b: is set twice/],
    ['client=300.1.1.1 scan off', /is not a network such as 192\.0\.2\.0\/24/],
    ['client=10.0.0.0/33 scan off', /is not a network/],
    ['auth=maybe scan off', /must be auth, auth=yes or auth=no/],
    ['size=3 scan off', /size=3: is not a condition/],
    ['size>many scan off', /size many: must be a number of bytes/],
    ['to>3 scan off', /only size can be used with >/],
    ['* scan on', /scan: must be scan off, refuse, allow, or NAME=VALUE/],
    ['* REJECTVIRIUS=1', /REJECTVIRIUS: cannot be set by a line; did you mean REJECTVIRUS\?/],
    ['* CLUSTERKEYS=/x', /CLUSTERKEYS: cannot be set by a line; set it in the environment/],
    ['* QUARANTINE=/x', /QUARANTINE: cannot be set by a line/],
    ['* REJECTVIRUS=1 REJECTVIRUS=2', /REJECTVIRUS is set twice/],
    ['* refuse', /would refuse all mail; add a sender, a client or a recipient/],
    ['to=a refuse "no {name}"', /refuse: \{name\} is not known; use \{virus\}/],
    [`to=a refuse ${'x'.repeat(201)}`, /refuse: has 201 characters; shorten it to 200/],
    ['to=a refuse twice over', /refuse: must be scan off, refuse, allow/],
    ['* allow', /would accept all viruses; add a signature/],
    [
      'signature=x scan off',
      /signature= is known only after the scan, so it can only be used with allow/,
    ],
    ['signature= allow', /specifies no signature/],
    ['to="open scan off', /the line to="open scan off: a " is not closed/],
    [' to=a scan off', /begins with white space, but continues no line; remove the white space/],
    [`to=${'x'.repeat(1_000_000)} scan off`, /is longer than 4096 bytes; split it/],
    [`to=a ${'\n  x'.repeat(RULE_LINE_MAX)}`, /is longer than 4096 bytes; split it/],
  ]
  for (const [line, reason] of lines) {
    const number = line.includes('\n') ? '\\d+' : '2'
    const message = new RegExp(`^file line ${number}: .*${reason.source}`, 's')
    t.throws(() => parseRules(`# comment\n${line}\n`, 'file'), {
      name: 'Fault',
      kind: 'config',
      message,
    })
  }
  const many = Array.from({ length: SETTINGS_MAX + 1 }, (_, i) => `to=a QHPSIMAXSIZE=${i}`)
  t.throws(() => parseRules(many.join('\n'), 'file'), {
    message: /exceeds the limit of 100 different settings/,
  })
  const most = [...many.slice(1), ...many.slice(1), 'to=a scan off', 'to=b scan off']
  t.equal(parseRules(most.join('\n'), 'file').length, most.length)
  const longest = `to=a refuse${' '.repeat(RULE_LINE_MAX - 11)}`
  t.equal(ruleOf(longest)?.action.kind, 'refuse')
  t.equal(ruleOf(`to=a\n ${' '.repeat(RULE_LINE_MAX - 20)}refuse`)?.action.kind, 'refuse')
})
