import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../needs.mjs'
import { openDirectory, reachable } from '../../programs/host/reachable.ts'
import { runtimes, startOnescand } from './process.ts'

/** What a plugin can do to onescand, which runs as the same user. */

const NOBODY = 65534

/**
 * A plugin that finds how many processes of onescand it sees, and what it could open or read of
 * each.
 */
const spy = `
  const fs = require('node:fs')
  const attempt = (what) => {
    try { return what() } catch { return undefined }
  }
  exports.virusscan = () => {
    const opened = []
    let seen = 0
    for (const pid of fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name))) {
      const line = attempt(() => fs.readFileSync('/proc/' + pid + '/cmdline', 'latin1')) ?? ''
      const status = attempt(() => fs.readFileSync('/proc/' + pid + '/status', 'latin1')) ?? ''
      const mine = status.includes('\\nUid:\\t' + process.getuid() + '\\t')
      if (!mine || !/onescand(\\.cjs)?\\0/.test(line)) continue
      seen++
      for (const part of ['mem', 'environ', 'maps', 'fd/0']) {
        const fd = attempt(() => fs.openSync('/proc/' + pid + '/' + part, part === 'mem' ? 'r+' : 'r'))
        if (fd === undefined) continue
        opened.push(part)
        fs.closeSync(fd)
      }
    }
    return { infected: true, name: 'seen ' + seen + ', opened ' + opened.join(' ') + '.' }
  }`

for (const { name, program } of runtimes) {
  const skip = lacks('root')
  // promise: bad-scanner
  t.test(
    `${name}, a plugin opens neither memory nor environment of onescand`,
    { skip },
    async (t) => {
      const directory = openDirectory(t)
      writeFileSync(join(directory, 'spy.cjs'), spy)
      const settings = { QHPSI: 'plugin: spy.cjs', PLUGINDIR: directory, REJECTVIRUS: '1' }
      const setup = { program: program.map(reachable), settings, uid: NOBODY }
      const onescand = await startOnescand(t, { ...setup, args: ['--workers', '2'] })
      const { log } = await onescand.ask({ variables: settings })
      t.match(log, /virus="seen 3, opened \."/)
    },
  )
}
