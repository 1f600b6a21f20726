import t from 'tap'
import { PROPERTIES } from '../../src/base/settings/table/findings.ts'
import { properties } from '../../src/scanner/scan/scanners/findings/properties.ts'
import { readPage } from './man-page.ts'

/** The list of properties in onescan-settings(5), against the code. */

t.test('the page has each property, with the names that ClamAV reports for it', async (t) => {
  const [, list = ''] = /names that ClamAV reports[\s\S]*?\n\.Bl ([\s\S]*?)\n\.El/.exec(readPage('onescan-settings.5')) ?? [] // biome-ignore format: a line
  const items = [...list.matchAll(/^\.It Ic (\S+)\n\.Ql (\S+)/gm)]
  t.same(items.map(([, property]) => property), PROPERTIES) // biome-ignore format: a line
  for (const [, property, names] of items) {
    t.match(names!.replace('*', '.Some'), properties[property as (typeof PROPERTIES)[number]].names)
  }
})
