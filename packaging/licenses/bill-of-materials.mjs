import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundled, bundledPackages } from '../builds/bundled.mjs'
import { partOf } from '../toolchain/install-locked.mjs'
import { muslVersion } from '../toolchain/musl.mjs'
import { targets } from '../toolchain/targets.mjs'

/**
 * Returns the bill of materials of a release in CycloneDX format, made by `npm sbom`: the bundled npm packages, Bun
 * and musl. It is the same for the same lock files and the same musl.
 */
export function billOfMaterials(root, { seconds }) {
  const json = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'))
  const { name, version, license } = json('package.json')
  const runtimes = targets.map(({ bun }) => bun)
  const wanted = partOf(json('package-lock.json'), bundled)
  const packages = {
    ...wanted,
    ...partOf(json('packaging/toolchain/package-lock.json'), runtimes),
  }
  const dependencies = Object.fromEntries(
    [...bundled, ...runtimes].map((dependency) => [
      dependency,
      packages[`node_modules/${dependency}`].version,
    ]),
  )
  const manifest = { name, version, license, dependencies }
  const bill = sbomOf(manifest, { lockfileVersion: 3, packages: { '': manifest, ...packages } })
  delete bill.serialNumber // differs in each run
  bill.metadata.timestamp = new Date(seconds * 1000).toISOString()
  // Dependencies of which nothing is in the programs: types, and packages that the build replaces.
  const held = bundledPackages(root).map(({ path }) => path)
  const left = Object.keys(wanted)
    .filter((path) => !held.includes(path))
    .map((path) => `${path.replace(/.*node_modules\//, '')}@${wanted[path].version}`)
  const isHeld = (ref) => !left.includes(ref)
  bill.components = bill.components.filter((component) => isHeld(component['bom-ref']))
  bill.dependencies = bill.dependencies
    .filter(({ ref }) => isHeld(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isHeld) }))
  bill.components.push(...targets.map(muslFor))
  return bill
}

function sbomOf(manifest, lock) {
  const workshop = mkdtempSync(join(tmpdir(), 'onescan-sbom-'))
  const directory = join(workshop, manifest.name) // npm names the result after the directory
  try {
    mkdirSync(directory)
    writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest))
    writeFileSync(join(directory, 'package-lock.json'), JSON.stringify(lock))
    const words = ['--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only']
    const options = { cwd: directory, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }
    return JSON.parse(execFileSync('npm', ['sbom', ...words, '--loglevel=error'], options))
  } finally {
    rmSync(workshop, { recursive: true })
  }
}

/** The library that onescanc and onescan-rcptquota are linked with. */
function muslFor(target) {
  const version = muslVersion(target)
  const purl = `pkg:deb/debian/musl-dev@${version}?arch=${target.debian}`
  const licenses = [{ license: { id: 'MIT' } }]
  return { 'bom-ref': purl, type: 'library', name: 'musl', version, purl, licenses }
}
