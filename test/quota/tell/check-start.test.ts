import t from 'tap'
import { checkStart } from '../../../src/quota/tell/check-start.ts'

/** onescan-quotad --check reports all faults together. */

async function reportOf(words: readonly string[], env: Record<string, string>) {
  const { isUsage, findings } = await checkStart(words, env)
  const linesOf = (wanted: string) =>
    findings
      .filter(({ level }) => level === wanted)
      .map(({ value, remedy }) => `${value}; ${remedy}`)
  return { isUsage, errors: linesOf('error'), warnings: linesOf('warning') }
}

const user = ['--user', 'nobody']

t.test('--check reports the fault of each setting and option', async (t) => {
  const env = { QUOTAUSERS: 'nis', QUOTACASE: 'upper', QUOTAPATIENCE: '-1', QUOTAMAILBX: 'x' }
  const { isUsage, errors, warnings } = await reportOf(['--alow', 'x', '--udp', 'here'], env)
  t.equal(isUsage, true)
  t.match(errors, [
    /^--alow: is no option; did you mean --allow\?$/,
    /^--udp here: must be ADDRESS:PORT/,
    /^QUOTAUSERS nis: /,
    /^QUOTACASE upper: must be lower or keep; correct it$/,
    /^QUOTAPATIENCE -1: /,
  ])
  t.match(warnings, [/^QUOTAMAILBX is not a setting: .*; did you mean QUOTAMAILBOX\?$/])
})

t.test('--check warns about files that cannot be read', async (t) => {
  const env = { QUOTAMAILBOX: 'maildir:/mail/%u', QUOTAMAP: '/nonexistent/map' }
  const { errors, warnings } = await reportOf(process.getuid!() === 0 ? user : [], env)
  // It becomes that user for the rest of this process, as a start would.
  t.same(errors, [])
  t.match(warnings, [/^QUOTAMAP \/nonexistent\/map: ENOENT/])
})
