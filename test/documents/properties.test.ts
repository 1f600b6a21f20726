import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { table } from '../../src/lib/settings/table.ts'
import { PROPERTIES, properties } from '../../src/scan/scanners/shared/properties.ts'
import type { ScanSettings } from '../../src/scan/scanners/shared/scan-settings.ts'

/** The table of properties in doc/operate.md, against the code. */

const settings: Readonly<Record<string, { readonly default?: unknown }>> = table
const page = readFileSync(join(import.meta.dirname, '../../doc/operate.md'), 'utf8')

t.test('the page has each property, with its setting, default and reply', async (t) => {
  const [, text = ''] = /^## Findings that are not viruses\n([\s\S]*?)^The reply/m.exec(page) ?? []
  const [, , ...rows] = [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split(' | '))
  const named = rows.map(([, property]) => property)
  t.same(named, PROPERTIES)
  for (const [index, property] of PROPERTIES.entries()) {
    const cells = rows[index]!.map((cell) => cell.replace(/^`(.*)`$/, '$1'))
    const [names = '', , setting = '', ...others] = cells
    const { names: isNamed, actionBy, because } = properties[property]
    t.match(names.replace('*', '.Some'), isNamed)
    const told = { [setting]: 'tag' } as unknown as ScanSettings
    t.equal(actionBy(told), 'tag', `the setting of ${property}`)
    t.same(others, [settings[setting]?.default, because])
  }
})
