import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageOnce, packagingMissing, putPackages } from './built-package.ts'
import { type Debian, debianMissing, makeDebian } from './debian.ts'
import { smallPrograms } from './small-programs.ts'

/** Why there is none, or false. */
export const bareHostMissing: string | false = packagingMissing || debianMissing

/** A bare Debian with the package, whose programs do nothing, as /onescan.deb. */
export interface BareHost extends Pick<Debian, 'run'> {
  readonly package: string
  /** Where a path of it is seen from outside. */
  at(path: string): string
  /** What the script prints; throws if it fails. */
  must(script: string): string
}

/** Makes one that goes with the test. dpkg does not wait for the disk there, nor enable units. */
export async function makeBareHost(t: Parameters<typeof smallPrograms>[0]): Promise<BareHost> {
  const [debian, file] = await Promise.all([makeDebian(t), packageOnce('small', smallPrograms(t))])
  const at = (path: string) => join(debian.path, path)
  putPackages(debian, file)
  writeFileSync(at('/etc/dpkg/dpkg.cfg.d/fast'), 'force-unsafe-io\n')
  // What enables units is tried with the whole package, and takes most of the time here.
  writeFileSync(at('/usr/bin/deb-systemd-helper'), '#!/bin/sh\n')
  return {
    package: file,
    at,
    run: (script, first) => debian.run(script, first),
    must(script) {
      const { code, output } = debian.run(script)
      if (code !== 0) throw new Error(`${script}: ${code}\n${output}`)
      return output
    },
  }
}
