import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import type { Ending } from '../programs/host/server.ts'
import { runLocked } from './run-locked.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** Why there can be no bare Debian here, or false. */
export const debianMissing: string | false = lacks('root', 'Debian', 'mmdebstrap', 'Debian mirror')

/** What the package depends on, and what makes it possible to install more. */
const INCLUDED = ['adduser', 'apt', 'systemd-standalone-sysusers']

/** By which apt and npm reach the network, if this machine has proxies. */
const proxies = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(https?|no|all)_proxy$/i.test(name)),
)

/** A Debian of its own, with nothing but its essential packages and these. */
export interface Debian {
  /** Where it is seen from outside. */
  readonly path: string
  /**
   * Runs a shell script in it, as root; processes that it leaves behind are killed. `first` is run
   * outside for that: its mounts, below "$1", end with it.
   */
  run(script: string, first?: string): { readonly code: number | null; readonly output: string }
}

/**
 * A release, by default that of this host, from the mirror of its apt; it goes with the test. Its systemd
 * is not installed: `apt-get install --yes /systemd/*.deb` does it.
 */
export async function makeDebian(t: Ending, release: string = releaseHere()): Promise<Debian> {
  const archive = await bareArchive(release)
  const path = openDirectory(t)
  await run('tar', ['-C', path, '--exclude=./dev/*', '-xf', archive])
  spawnSync('chmod', ['755', path])
  // Devices are those of the host, by a mount that ends with each run.
  const enter = (first: string) =>
    `mount --rbind /dev "$1/dev" && ${first} && exec chroot "$1" /bin/sh -c "$2"`
  return {
    path,
    run(script, first = ':') {
      const namespaces = ['--mount', '--pid', '--fork', '--kill-child', `--mount-proc=${path}/proc`]
      const shell = ['/bin/sh', '-c', enter(first), 'sh', path, `exec 2>&1\n${script}`]
      const { status, stdout, stderr } = spawnSync('unshare', [...namespaces, ...shell], {
        encoding: 'utf8',
        env: {
          PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
          LC_ALL: 'C',
          DEBIAN_FRONTEND: 'noninteractive',
          ...proxies,
        },
      })
      return { code: status, output: stdout + stderr }
    },
  }
}

function releaseHere(): string {
  const [, release = ''] = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))!
  return release
}

/** Made once for a checkout: it takes half a minute. */
async function bareArchive(release: string): Promise<string> {
  const archive = join(root, `build/debian/${release}-${INCLUDED.join('-')}.tar`)
  if (existsSync(archive)) return archive
  mkdirSync(join(root, 'build/debian'), { recursive: true })
  // Of several tests that want it at a time, one makes it and the others wait.
  const once = 'test -e "$1" || { shift; "$@" && mv "$fresh" "$archive"; }'
  const fresh = join(root, `build/debian/new-${release}.tar`)
  const download = `chroot "$1" apt-get clean &&
    chroot "$1" apt-get install --yes --download-only systemd &&
    mkdir "$1/systemd" && mv "$1"/var/cache/apt/archives/*.deb "$1/systemd"`
  const options = [
    '--variant=essential',
    '--dpkgopt=force-unsafe-io',
    `--include=${INCLUDED}`,
    `--customize-hook=${download}`,
  ]
  const words = [...options, release, fresh, await mirror()]
  await runLocked(`${archive}.lock`, once, [archive, 'mmdebstrap', ...words], {
    env: { ...process.env, fresh, archive },
  })
  return archive
}

/** Where apt of this host would get an essential package from. */
async function mirror(): Promise<string> {
  const { stdout } = await run('apt-get', ['download', '--print-uris', 'base-files'])
  const [, uri] = /^'(\S+)\/pool\//.exec(stdout) ?? []
  if (uri === undefined) throw new Error(`apt-get names no mirror: ${stdout}`)
  return uri
}
