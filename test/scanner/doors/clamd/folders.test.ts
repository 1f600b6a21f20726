import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { clean } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { lacks } from '../../../needs.mjs'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { inStream, openClamdDoor } from './rig.ts'

/** Folders that cost more than one request may. */

const QHPSI = 'plugin: eicar'
const skip = { skip: lacks('root') }

function inFolder(t: Test) {
  const directory = openDirectory(t)
  return (name: string) => join(directory, name)
}

t.test('of 100,000 files in a folder no more are looked at than may be', skip, async (t) => {
  const at = inFolder(t)
  mkdirSync(at('many/in'), { recursive: true })
  for (let file = 0; file < 100_000; file++) {
    if (file % 50_000 === 0) writeFileSync(at(`many${file}`), EICAR) // ext4 has no more than 65,000 links
    linkSync(at(`many${file - (file % 50_000)}`), at(`many/in/${file}`))
  }
  const large = await openClamdDoor(t, { QHPSI })
  const first = large.ask(`zSCAN ${at('many')}\0`)
  t.equal(await large.ask(inStream('stream')), 'stream: OK\0', 'others go on')
  t.match(await first, /: EICAR-Test FOUND\0$/)
  const door = await openClamdDoor(t, { QHPSI }, { maxNames: 100 })
  const replies = (await door.ask(`zCONTSCAN ${at('many')}\0`)).split('\0').slice(0, -1)
  t.equal(replies.pop(), `${at('many/in')}: More than 100 files. ERROR`)
  t.equal(new Set(replies).size, 99, 'one of the names is the folder')
  t.ok(replies.every((reply) => reply.endsWith(': EICAR-Test FOUND')))
})

t.test('files beside a folder of too many are looked at', skip, async (t) => {
  const at = inFolder(t)
  mkdirSync(at('many/in'), { recursive: true })
  for (let file = 0; file < 110; file++) writeFileSync(at(`many/in/${file}`), 'hello')
  for (const name of ['0', 'z']) writeFileSync(at(`many/${name}`), EICAR)
  const error = `${at('many/in')}: More than 100 files. ERROR`
  const door = await openClamdDoor(t, { QHPSI }, { maxNames: 100 })
  const found = ['0', 'z'].map((name) => `${at(`many/${name}`)}: EICAR-Test FOUND`)
  const replies = (await door.ask(`zCONTSCAN ${at('many')}\0`)).split('\0').filter(Boolean)
  t.same(new Set(replies), new Set([...found, error]))
  t.ok(found.includes((await door.ask(`zSCAN ${at('many')}\0`)).slice(0, -1)))
  t.equal(await door.ask(`zSCAN ${at('many/in')}\0`), `${error}\0`)
})

t.test('a folder that takes too long has an end', skip, async (t) => {
  const at = inFolder(t)
  mkdirSync(at('folder'))
  for (const name of 'abc') writeFileSync(at(`folder/${name}`), name)
  const folder = 20
  const door = await openClamdDoor(
    t,
    { QHPSI },
    {
      timeouts: { folder },
      async scan() {
        await new Promise((resolve) => setTimeout(resolve, 2 * folder))
        return clean
      },
    },
  )
  const reply = await door.ask(`zCONTSCAN ${at('folder')}\0`)
  t.match(reply, /: The files take too long. ERROR\0$/)
  t.equal(reply.split('\0').length, 2, 'one reply')
})
