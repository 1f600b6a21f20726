import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { ownDirectoriesMissing } from '../../programs/host/own-directories.ts'
import { makeMachine } from './check/machine.ts'
import { bundle, searchPath } from './onescan.ts'

/** `onescan allow` lets mail of a sender through, and breaks nothing. */

const skip = ownDirectoriesMissing
const POLICY = '/etc/onescan/policy'

function makeHost(t: Test) {
  const machine = makeMachine(t)
  const run = (...words: readonly string[]) => {
    const [program = '', ...rest] = machine.around([process.execPath, bundle, ...words])
    const { status, stdout, stderr } = spawnSync(program, rest, {
      env: { PATH: searchPath, QMAILHOME: '/nonexistent' },
      encoding: 'utf8',
    })
    return { code: status, output: stdout + stderr }
  }
  return { ...machine, run, policy: () => readFileSync(machine.at(POLICY), 'utf8') }
}

t.test('a sender gets an exception, which is used for its mail', { skip }, async (t) => {
  const host = makeHost(t)
  host.write(POLICY, 'to=lab@example.org REJECTVIRUS=0')
  const { code, output } = host.run('allow', 'ann@example.net', '--signature', 'Win.Test.*')
  t.equal(code, 0, output)
  t.equal(
    host.policy(),
    'to=lab@example.org REJECTVIRUS=0\nfrom=ann@example.net,signature=Win.Test.* allow\n',
  )
  t.match(output, `${POLICY} line 2: from=ann@example.net,signature=Win.Test.* allow\n`)
  t.notMatch(output, 'anyone can forge')
  const tested = host.run('policy', 'test', 'ann@example.net', 'ben@example.org', '--user', 'root')
  t.match(tested.output, /policy|root/)
  t.match(host.run('allow', 'ann@example.net', '--signature', 'Win.Test.*'), {
    code: 0,
    output: ' (already there)\n',
  })
  t.equal(host.policy().split('\n').length, 3, 'once')
  t.equal(host.run('allow', '--to', 'b@example.org', '--signature', 'X').code, 0)
  t.match(host.policy(), /\nto=b@example\.org,signature=X allow\n$/)
  t.equal(host.run('allow', '--to', 'b@example.org', '--signature', 'X', '--remove').code, 0)
  t.equal(host.run('allow', 'ann@example.net', '--signature', 'Win.Test.*', '--remove').code, 0)
  t.equal(host.policy(), 'to=lab@example.org REJECTVIRUS=0\n')
  t.match(host.run('allow', '--signature', 'X').output, /specify a sender, or --to/)
})

t.test('without a policy one is made, and a bare sender is warned about', { skip }, async (t) => {
  const host = makeHost(t)
  host.write('/etc/onescan/keys/x', '')
  const { code, output } = host.run('allow', '.example.net', '--client', '192.0.2.0/24')
  t.equal(code, 0, output)
  t.equal(host.policy(), 'from=.example.net,client=192.0.2.0/24 allow\n')
  t.match(host.run('allow', 'ann@example.net').output, /anyone can forge ann@example\.net/)
  const forAll = host.run('allow', '--to', 'ben@example.org').output
  t.match(forAll, 'this accepts all infected mail for ben@example.org: add --client or --signature')
})

t.test('the name of a banned attachment is written as the log has it', { skip }, async (t) => {
  const host = makeHost(t)
  host.write('/etc/onescan/keys/x', '')
  const name = 'attachment invoice of may.exe'
  const { code, output } = host.run('allow', 'ann@example.net', '--signature', name)
  t.equal(code, 0, output)
  t.equal(host.policy(), `from=ann@example.net,signature="${name}" allow\n`)
  t.match(host.run('allow', 'ann@example.net', '--signature', 'attachment a,b.exe'), {
    code: 2,
    output: /signature attachment a,b\.exe: contains .* a comma or a quote; write \* for it/,
  })
})

t.test('nothing is changed if a line is invalid', { skip }, async (t) => {
  const host = makeHost(t)
  host.write(POLICY, 'nonsense\n')
  for (const [words, reason] of [
    [['ann@example.net'], /policy line 1: nonsense: is not a condition/],
    [['a b@example.net'], /from a b@example.net: contains white space/],
    [['ann@example.net', '--client', '192.0.2.300'], /line [12]/],
  ] as const) {
    t.match(host.run('allow', ...words), { code: 2, output: reason })
    t.equal(host.policy(), 'nonsense\n')
  }
})
