import t from 'tap'
import { checkScanners } from '../../../src/scanner/readiness/check-scanners.ts'
import { complaints } from '../../check-lines.ts'
import { host } from './host.ts'

/** A scanner that runs in the plugin host, which is a program that was built. */

const check = (QHPSI: string, PLUGINDIR: string) => checkScanners(host({ QHPSI, PLUGINDIR }))

t.test("a site's own plugin need not find EICAR", async (t) => {
  const PLUGINDIR = t.testdir({
    'mine.mjs': 'export const virusscan = () => ({ clean: true })\n',
    'small.mjs': `export const virusscan = ({ size, part }) =>
      !part && size < 8192 ? { infected: true, name: 'small' } : { clean: true }\n`,
    'broken.mjs': 'export const virusscan = () => ({ defer: "trouble" })\n',
  })
  t.same(complaints(await check('plugin: eicar mine.mjs', PLUGINDIR)), [])
  t.same(complaints(await check('plugin: mine.mjs', PLUGINDIR)), ['warning scanner mine.mjs'])
  t.same(complaints(await check('plugin: small.mjs', PLUGINDIR)), [])
  t.match(await check('plugin: broken.mjs', PLUGINDIR), [{ level: 'error' }])
})
