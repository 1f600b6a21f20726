// Makes the RPMs of compiled programs, build/onescan-VERSION-1.MACHINE.rpm and those of onescan-quotad, smtp-delay and
// onescan-runtime, from the source tarball (tarball.mjs), as any packager would. It needs Debian's package `rpm`.
//
//   node packaging/packages/rpm.mjs [--arch ARCH] [--programs DIRECTORY] [--output DIRECTORY]
//
// --arch makes the RPMs for another processor (targets.mjs). --programs names the directory of the programs, by default
// the output directory of build-native.mjs and build-client.mjs. The same commit makes the same bytes.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { targetOf } from '../toolchain/targets.mjs'
import { origin } from './origin.mjs'
import { openWorkshop } from './workshop.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const { values: options } = parseArgs({
  options: {
    arch: { type: 'string' },
    programs: { type: 'string' },
    output: { type: 'string', default: join(root, 'build') },
  },
})
const target = targetOf(options.arch)
const { seconds } = origin(root)
const workshop = openWorkshop(resolve(options.output))

const script = join(root, 'packaging/packages/tarball.mjs')
const tarball = execFileSync(process.execPath, [script, '--output', workshop.directory], {
  encoding: 'utf8',
})
const defined = {
  _topdir: workshop.directory,
  programs: resolve(options.programs ?? target.native),
  use_source_date_epoch_as_buildtime: '1',
  clamp_mtime_to_source_date_epoch: '1',
  _buildhost: 'localhost',
  // rpm 4.14 of RHEL 8 reads both compressions.
  _binary_payload: process.env.COMPRESS === 'xz' ? 'w6.xzdio' : 'w1.gzdio',
  // Debian's rpm uses other names for these macros.
  _libdir: '/usr/lib64',
  _mandir: '/usr/share/man',
  _docdir_fmt: '%{NAME}',
}
const words = Object.entries(defined).flatMap(([name, value]) => ['--define', `${name} ${value}`])
// The build needs only make, which is no RPM package on Debian.
const how = ['-tb', '--quiet', '--nodeps', '--with', 'compiled', `--target=${target.machine}-linux`]
execFileSync('rpmbuild', [...how, ...words, tarball.trim()], {
  stdio: ['ignore', 2, 2],
  env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
})
for (const file of readdirSync(join(workshop.directory, 'RPMS'), { recursive: true })) {
  if (file.endsWith('.rpm')) workshop.handOut(join('RPMS', file))
}
