import t from 'tap'
import { openBrowser, openPage, overflow, skipWithoutBrowser } from '../../observe/browser.ts'
import { clamdMissing, startClamd } from '../../programs/clamd.ts'
import { serve } from './rig.ts'

/** What the page says about settings of other programs, in a real browser. */

t.test(
  'the page shows a clamd that does not report its limits, as long as that is so',
  { skip: skipWithoutBrowser || clamdMissing },
  async (t) => {
    const clamd = await startClamd()
    t.teardown(clamd.stop)
    const served = await serve(t, { settings: { QHPSI: 'plugin: clamd', CLAMD: clamd.socket } })
    const browser = await openBrowser(t)
    const { page, errors } = await openPage(browser, `http://127.0.0.1:${served.port}/`, {
      width: 360,
    })
    const line = page.locator('#amiss li')
    await line.waitFor()
    t.match(
      await line.innerText(),
      /AlertExceedsMax is off: .*; set "AlertExceedsMax yes" in clamd\.conf$/,
    )
    t.equal(await overflow(page), 0)
    t.same(errors, [])
  },
)
