import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { clean } from '../../../src/scan/scanners/findings/scan-result.ts'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../../programs/host/reachable.ts'
import { inStream, openClamdDoor } from './rig.ts'

/** Folders that cost more than one request may. */

const QHPSI = 'plugin: eicar'
const skip = { skip: lacks('root') }

function inFolder(t: Test) {
  const directory = openDirectory(t)
  return (name: string) => join(directory, name)
}

t.test('100,000 files in a folder are more than is looked at', skip, async (t) => {
  const at = inFolder(t)
  mkdirSync(at('many/in'), { recursive: true })
  for (let file = 0; file < 100_000; file++) {
    if (file % 50_000 === 0) writeFileSync(at(`many${file}`), 'hello') // ext4 has no more than 65,000 links
    linkSync(at(`many${file - (file % 50_000)}`), at(`many/in/${file}`))
  }
  const scanned = new Set<string>()
  const door = await openClamdDoor(
    t,
    { QHPSI },
    {
      async scan({ bytes }) {
        scanned.add(bytes.gather().toString('latin1').slice(-6))
        return clean
      },
    },
  )
  const reply = `${at('many/in')}: More than 10000 files. ERROR\0`
  for (const command of ['SCAN', 'CONTSCAN']) {
    const many = await door.call()
    many.write(`z${command} ${at('many')}\0`)
    t.equal(await door.ask(inStream('stream')), 'stream: OK\0', 'others go on')
    t.equal(await many.hear(), reply, command)
  }
  t.same([...scanned], ['stream'], 'none of them is judged')
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
  const said = await door.ask(`zCONTSCAN ${at('folder')}\0`)
  t.match(said, /: The files take too long. ERROR\0$/)
  t.equal(said.split('\0').length, 2, 'one reply')
})
