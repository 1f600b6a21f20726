import t from 'tap'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { databaseFor, randomContents } from './random-contents.ts'
import { openClamdDoor } from './rig.ts'
import { repliesTo } from './session-client.ts'

/** Whatever clamd reports is reported. */

const COUNT = Number(process.env.ONESCAN_RANDOM_CONTENTS ?? 600)
const SEED = Number(process.env.ONESCAN_RANDOM_SEED ?? 79)
/** Contents of one session. */
const AT_ONCE = 100

// promise: found-is-found
t.test(
  `findings of clamd in ${COUNT} random contents are found by onescan`,
  { skip: clamdMissing },
  async (t) => {
    const contents = randomContents(SEED, COUNT)
    const byDigest = contents.filter(({ length }, n) => length > 0 && n % 7 === 0)
    const clamd = await startClamd(t, { database: databaseFor(byDigest) })
    const door = await openClamdDoor(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
    const counts = { found: 0, clean: 0, added: 0 }
    for (let at = 0; at < COUNT; at += AT_ONCE) {
      const some = contents.slice(at, at + AT_ONCE)
      const [direct, ours] = [
        await repliesTo(clamd.socket, some),
        await repliesTo(door.at.path!, some),
      ]
      for (const [n, reply] of direct.entries()) {
        const name = `content ${at + n}`
        t.match(reply, /^stream: (?:OK|\S+ FOUND)$/, name)
        t.match(ours[n]!, /^stream: (?:OK|\S+ FOUND)$/, name)
        if (reply !== 'stream: OK') t.equal(ours[n], reply, name)
        if (reply !== 'stream: OK') counts.found++
        else if (ours[n] === reply) counts.clean++
        else counts.added++
      }
    }
    t.comment(JSON.stringify(counts))
    t.ok(counts.found > COUNT / 10 && counts.clean > COUNT / 10 && counts.added > 0)
  },
)
