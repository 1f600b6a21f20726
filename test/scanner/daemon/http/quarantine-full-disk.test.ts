import '../../../needs-addon.ts'
import t from 'tap'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import { keepOne } from '../../scan/quarantine/quarantined.ts'
import { newest } from '../process.ts'
import { serveApi } from './quarantine-rig.ts'

/** A release while the disk is full: here no file may have more than 2 MB (EFBIG). */

becomePlain()

t.test('a release that does not fit on the disk states that, and keeps the message', async (t) => {
  const api = await serveApi(t, {
    program: ['sh', '-c', 'ulimit -f 4000; exec "$0" "$@"', ...newest],
  })
  const text = `Subject: x\n\n${`${'x'.repeat(70)}\n`.repeat(70_000)}`
  const id = await keepOne(api.directory, Date.now(), { text })
  for (const key of ['key', 'key', 'another']) {
    const { json } = await api.release(id, {}, key)
    t.match(json, { status: 507, type: /disk-full$/ })
  }
  t.match((await api.call('GET', `messages/${id}/parts`)).json, { status: 507 })
  t.match((await api.call('GET', `messages/${id}`)).json, { state: 'kept' })
  t.equal(api.next.got.length, 0)
  const small = await keepOne(api.directory, Date.now())
  t.equal((await api.release(small)).status, 200)
})
