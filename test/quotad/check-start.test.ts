import t from 'tap'
import { checkStart } from '../../src/quotad/check-start.ts'

/** onescan-quotad --check, of an account that could start it. */

if (process.getuid!() === 0) process.setuid!('nobody') // it would not start as root

t.test('--check warns about files that cannot be read', async (t) => {
  const env = { QUOTAMAILBOX: 'maildir:/mail/%u', QUOTAMAP: '/nonexistent/map' }
  const { findings } = await checkStart([], env)
  const complaints = findings.filter(({ level }) => level !== 'ok')
  t.match(complaints, [{ level: 'warning', value: /^QUOTAMAP \/nonexistent\/map: ENOENT/ }])
})
