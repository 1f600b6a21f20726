// `npm run addresses`: writes what only the project's owner knows from addresses.json into each file that users or their
// programs read: addresses, names, and the key that signs releases. origin.mjs makes no release as long as one is made up.
//
//   node packaging/packages/addresses.mjs [DIRECTORY]    of a checkout, by default this one
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** For each file: the text before an address, and the address that replaces the one after that text. */
const PLACES = {
  'package.json': [
    [/(?<="homepage": ")[^"]*/, 'homepage'],
    [/(?<="bugs": ")[^"]*/, 'issues'],
    [/(?<="url": "git\+)[^"]*/, 'repository'],
  ],
  'README.md': [
    [/(?<=\[Questions\]\()[^)]*/, 'list'],
    [/(?<=\[Bugs\]\()[^)]*/, 'issues'],
    [/(?<=Maintained by )[^,]*(?=, under\s)/, 'holders'],
    [/(?<=\ngit clone )\S*/, 'repository'],
    [/(?<=\nwget -P \S+ )\S*\/(?=apt\/onescan\.sources\n)/, 'homepage'],
  ],
  'doc/deferred.md': [[/(?<=\[Report\]\()[^)]*/, 'issues']],
  'doc/install.md': [
    [/(?<=\ngit clone )\S*/, 'repository'],
    [/(?<=\n {4}curl --remote-name-all )[^{]*/, 'homepage'],
  ],
  LICENSE: [[/(?<=\nCopyright \(c\) \d{4} ).*/, 'holders']],
  'SECURITY.md': [
    [/(?<=\n {4}Reports: ).*/, 'security'],
    [/(?<=\n {4}Key: ).*/, 'key'],
  ],
  'debian/control': [
    [/(?<=\nMaintainer: ).*/, 'developers'],
    [/(?<=\nHomepage: ).*/, 'homepage'],
    [/(?<=\nVcs-Browser: ).*/, 'homepage'],
    [/(?<=\nVcs-Git: ).*/, 'repository'],
  ],
  'debian/copyright': [
    [/(?<=\nUpstream-Contact: ).*/, 'issues'],
    [/(?<=\nSource: ).*/, 'repository'],
    [/(?<=\nFiles: \*\nCopyright: \d{4} ).*/, 'holders'],
  ],
  'debian/watch': [[/(?<=\n)https:[^ ]*/, 'homepage']],
  'packaging/shipped/container/compose.yaml': [[/(?<=\{ONESCAN_IMAGE:-)[^:]*/, 'image']],
}

/** What the owner fills in, as doc/development/owner.md lists it, by the entries of addresses.json. */
export const OWNERS = {
  domain: ['homepage', 'repository', 'image', 'security'],
  names: ['developers', 'holders'],
  key: ['key'],
  tracker: ['issues'],
  list: ['list'],
}

/** Matches an entry that is made up: it has an example's domain, no person's name, or no fingerprint. */
const MADE_UP = /\bexample\.org\b|^the onescan developers$|^0{40}$/

/** Returns which of these things a checkout still lacks, each with its entries that are made up. */
export function missingOf(root) {
  const addresses = readAddresses(root)
  return Object.entries(OWNERS).flatMap(([thing, entries]) => {
    const made = entries.filter((entry) => MADE_UP.test(addresses[entry] ?? 'example.org'))
    return made.length > 0 ? [`${thing} (${made.join(', ')})`] : []
  })
}

/** Returns the addresses of a checkout, by name. */
export function readAddresses(root) {
  return JSON.parse(readFileSync(join(root, 'packaging/packages/addresses.json'), 'utf8'))
}

/** Writes the addresses into the files of a checkout. Returns the names of the files that changed. */
export function writeAddresses(root) {
  const addresses = readAddresses(root)
  return Object.entries(PLACES).flatMap(([name, places]) => {
    const file = join(root, name)
    const old = readFileSync(file, 'utf8')
    let text = old
    for (const [place, address] of places) {
      if (!place.test(text)) throw new Error(`${name}: has no place for the address ${address}`)
      text = text.replace(place, () => addresses[address])
    }
    if (text === old) return []
    writeFileSync(file, text)
    return [name]
  })
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../..')
  for (const name of writeAddresses(root)) process.stdout.write(`${name}\n`)
}
