import { readdirSync } from 'node:fs'
import t from 'tap'
import { plain } from '../../../../cases/messages.ts'
import { cannotMount, connectHostilely, descriptors } from './hostile-descriptors.ts'
import { openSlot } from './rig.ts'

/** Whatever descriptor a client sends, onescand has none of it: doc/development/rules-for-root.md, rule (e). */

const settings = { QHPSI: 'plugin: eicar' }
const openFiles = () => readdirSync('/proc/self/fd').length

// promise: signs-what-it-scanned
t.test('a descriptor that comes with a question is not taken', { skip: cannotMount }, async (t) => {
  const slot = await openSlot(t, settings)
  await slot.ask({ variables: settings, message: plain })
  for (const kind of descriptors) {
    const before = openFiles()
    const client = await connectHostilely(slot.socket, kind)
    t.match(await client.ask({ variables: settings, message: plain }), /^Ah*a$/, kind)
    t.ok(await client.sent, 'it came this far')
    await client.end()
    t.equal(openFiles(), before, 'nothing stays open')
    t.equal((await slot.ask({ variables: settings, message: plain })).does, 'hand on')
  }
})
