import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundledPackages } from './bundled.mjs'
import { muslVersion } from './musl.mjs'
import { targets } from './targets.mjs'

/**
 * A bill of materials in CycloneDX 1.5 of the files of a release: the npm packages that are
 * bundled, as `npm sbom` has them, Bun, musl, and what npm installs beside. `files` are the
 * packages, each with `name` and `sha256`. The same for the same files.
 */
export function billOfMaterials(root, { seconds, files }) {
  const all = sbomOfNpm(root)
  const part = partOfSbom(
    all,
    bundledPackages(root).map(({ name, version }) => `${name}@${version}`),
  )
  const beside = Object.entries(manifest(root).optionalDependencies).map(
    ([name, version]) => `${name}@${version}`,
  )
  const runtimes = new Map(targets.map((target) => [target, bunFor(root, target)]))
  const libraries = new Map(targets.map((target) => [target, muslFor(target)]))
  const onescan = { ...all.metadata.component, name: 'onescan', type: 'application' }

  const holds = (file) => {
    if (/\.(dsc|tar\.xz)$/.test(file)) return [] // sources alone
    const target = targets.find(({ debian }) => file.endsWith(`_${debian}.deb`))
    const own = target ? [runtimes.get(target), libraries.get(target)] : [...libraries.values()]
    return [
      ...part.refs,
      ...own.map((component) => component['bom-ref']),
      ...(target ? [] : beside),
    ]
  }
  return {
    $schema: all.$schema,
    bomFormat: all.bomFormat,
    specVersion: all.specVersion,
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(files))}`,
    version: 1,
    metadata: {
      timestamp: new Date(seconds * 1000).toISOString(),
      lifecycles: [{ phase: 'build' }],
      component: onescan,
    },
    components: [
      ...files.map(({ name, sha256 }) => fileComponent(name, sha256)),
      ...part.components.map((component) => ({ ...component, scope: 'required', properties: [] })),
      ...all.components.filter((component) => beside.includes(component['bom-ref'])),
      ...runtimes.values(),
      ...libraries.values(),
    ],
    dependencies: [
      { ref: onescan['bom-ref'], dependsOn: files.map(({ name }) => `file:${name}`) },
      ...files.map(({ name }) => ({ ref: `file:${name}`, dependsOn: holds(name) })),
      ...part.dependencies,
    ],
  }
}

/** All of package-lock.json. */
function sbomOfNpm(root) {
  const words = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--loglevel', 'error']
  const text = execFileSync('npm', words, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return JSON.parse(text)
}

/** Of these packages alone, and who of them needs whom. */
function partOfSbom({ components, dependencies }, wanted) {
  const refs = [...new Set(wanted)].sort()
  const missing = refs.filter(
    (ref) => !components.some((component) => component['bom-ref'] === ref),
  )
  if (missing.length > 0) throw new Error(`npm sbom does not name ${missing.join(', ')}`)
  const pick = (list, name) =>
    refs.flatMap((ref) => list.find((entry) => entry[name] === ref) ?? [])
  return {
    refs,
    components: pick(components, 'bom-ref'),
    dependencies: pick(dependencies, 'ref').map(({ ref, dependsOn = [] }) => ({
      ref,
      dependsOn: dependsOn.filter((other) => refs.includes(other)),
    })),
  }
}

/** The runtime of the compiled programs, as toolchain/package-lock.json pins it. */
function bunFor(root, { bun }) {
  const lock = JSON.parse(readFileSync(join(root, 'packaging/toolchain/package-lock.json'), 'utf8'))
  const { version, integrity } = lock.packages[`node_modules/${bun}`]
  const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
  return {
    'bom-ref': `${bun}@${version}`,
    type: 'platform',
    name: bun,
    version,
    purl: `pkg:npm/${bun.replace('@', '%40')}@${version}`,
    hashes: [{ alg: 'SHA-512', content }],
    licenses: [{ license: { id: 'MIT' } }],
  }
}

/** What onescanc and onescan-rcptquota are linked with. */
function muslFor(target) {
  const version = muslVersion(target)
  const purl = `pkg:deb/debian/musl-dev@${version}?arch=${target.debian}`
  return {
    'bom-ref': purl,
    type: 'library',
    name: 'musl',
    version,
    purl,
    licenses: [{ license: { id: 'MIT' } }],
  }
}

function fileComponent(name, sha256) {
  return {
    'bom-ref': `file:${name}`,
    type: 'file',
    name,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
  }
}

function manifest(root) {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}

/** A UUID by a name alone (RFC 9562, version 8). */
function uuidOf(name) {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16)
  bytes[6] = (bytes[6] & 0x0f) | 0x80
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
