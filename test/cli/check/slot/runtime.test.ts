import t from 'tap'
import { checkRuntime, judgeVersion } from '../../../../src/cli/check/slot/runtime.ts'
import { complaints } from '../../../doors/stages/host.ts'
import { host } from '../shared/host.ts'

const MIB = 1024 * 1024
const limits = (bytes: number) => ({ addressSpace: bytes, data: undefined, stack: undefined })

t.test('the node in PATH works without limits', async (t) => {
  const findings = await checkRuntime(host({}))
  t.same(complaints(findings), [])
  t.match(findings, [{ value: `node ${process.version}` }, { value: 'none' }])
})

t.test('a service without node in its PATH is an error', async (t) => {
  const [finding] = await checkRuntime(host({ PATH: t.testdir({}) }))
  t.match(finding, { level: 'error', value: /no node in PATH/, remedy: /run script/ })
})

t.test('Node 22.15 is the oldest that works', async (t) => {
  t.equal(judgeVersion('v20.19.0').level, 'error')
  t.equal(judgeVersion('v22.14.0').level, 'error')
  t.equal(judgeVersion('v22.15.0').level, 'ok')
  t.equal(judgeVersion('v26.0.0').level, 'ok')
  t.equal(judgeVersion('what?').level, 'error')
})

t.test('the classic limit of a run script stops the runtime from starting', async (t) => {
  const all = { addressSpace: 3_000_000, data: 3_000_000, stack: 3_000_000 }
  const finding = (await checkRuntime(host({}, { limits: all }))).at(-1)
  t.match(finding, {
    level: 'error',
    value: /cannot start \("qq crashed"\)/,
    remedy: /softlimit -a/,
  })
})

t.test('a limit on the stack counts for each thread', async (t) => {
  const four = 4096 * MIB
  const all = { addressSpace: four, data: four, stack: four }
  t.match((await checkRuntime(host({}, { limits: all }))).at(-1), { level: 'error', remedy: /-m/ })
})

t.test('a runtime that just starts is a warning, and one with enough room is well', async (t) => {
  const level = async (bytes: number) =>
    (await checkRuntime(host({}, { limits: limits(bytes) }))).at(-1)?.level
  t.equal(await level(8192 * MIB), 'ok')
  t.equal(await level(3072 * MIB), 'warning')
})
