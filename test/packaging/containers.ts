import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks, programPath } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import { type Ending, startServer } from '../programs/host/server.ts'
import { packagingMissing } from './built-package.ts'
import { debianMissing, makeDebian } from './debian.ts'

/** Containers of podman on a host of their own: its network, its mounts, its processes. */

/** Why there can be no containers here, or false. */
export const containersMissing: string | false =
  packagingMissing ||
  debianMissing ||
  lacks(
    ...[
      'podman',
      'podman-compose',
      'crun',
      'catatonit',
      'netavark',
      'aardvark-dns',
      'ip',
      'iptables',
    ],
    ...['clamd', 'redis-server', 'redis-cli'],
  )

/** The release of the Debian that images are built on: the one of this host. */
export const release: string = /^VERSION_CODENAME=(\w+)/m.exec(
  readFileSync('/etc/os-release', 'utf8'),
)![1]!

/** The image of a bare Debian. */
export const BASE: string = `docker.io/library/debian:${release}-slim`

export interface ContainerHost {
  /** An empty directory, seen on the host as it is here. */
  readonly directory: string
  /** Words before a command that put it into the network of this host. */
  readonly around: readonly string[]
  /** What a program there prints, on both of its outputs. Throws if it fails. */
  run(words: readonly string[], options?: RunOptions): string
  podman(...words: string[]): string
  /** As `run`, by podman-compose in a directory. */
  compose(directory: string, settings: NodeJS.ProcessEnv, ...words: string[]): string
  /** Builds an image of the Containerfile and all else in a directory. */
  build(directory: string, ...words: string[]): void
}

interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: Buffer
}

/** Starts one that goes with the test, and has an image of a bare Debian by the name of the slim one. */
export async function startContainerHost(t: Ending): Promise<ContainerHost> {
  const directory = openDirectory(t)
  const at = (name: string) => join(directory, name)
  const debian = await makeDebian(t)

  // The runtime wants one kind of control groups, and podman's own files are in /run.
  // crun(1) gives what a container has as standard input to its user: /dev/null must not be the host's.
  const prepare = `mount --make-rprivate / && umount -R /sys/fs/cgroup &&
    mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs -o dev tmpfs /run &&
    mknod -m 666 /run/null c 1 3 && mount --bind /run/null /dev/null && ip link set lo up &&
    echo ready && exec catatonit -- sleep infinity`
  const namespaces = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc']
  const command = ['unshare', ...namespaces, 'sh', '-c', prepare]
  const host = await startServer(command, /^ready$/, { signal: 'SIGKILL' })
  t.teardown(host.stop) // and with it all of its namespaces
  const [first] = readFileSync(`/proc/${host.pid}/task/${host.pid}/children`, 'utf8').split(' ')
  const enter = ['nsenter', '-t', first!, '-m', '-p', '-n', '--']

  // Control groups and more of what root may do than a container may be missing here.
  const limit = (name: string, letter: string) => {
    const hard = execFileSync('sh', ['-c', `ulimit -H${letter}`], { encoding: 'utf8' }).trim()
    return hard === 'unlimited' ? [] : [`"${name}=${hard}:${hard}"`]
  }
  const limits = [...limit('nofile', 'n'), ...limit('nproc', 'p')]
  writeFileSync(
    at('containers.conf'),
    `[containers]\ncgroups = "disabled"\ndefault_ulimits = [${limits.join(', ')}]\n[engine]\nevents_logger = "none"\n`,
  )
  const own = [
    '--root',
    at('storage'),
    '--runroot',
    '/run/containers',
    '--storage-driver',
    'overlay',
  ]
  const more = ['--cgroup-manager', 'cgroupfs', '--network-config-dir', '/run/networks']
  const program = at('podman')
  const words = [programPath('podman'), ...own, ...more]
  writeFileSync(
    program,
    `#!/bin/sh\nCONTAINERS_CONF=${at('containers.conf')} exec ${words.join(' ')} "$@"\n`,
    { mode: 0o755 },
  )

  const run: ContainerHost['run'] = (words, { cwd = directory, env = {}, input } = {}) => {
    const inside = ['sh', '-c', 'cd "$0" && exec "$@" 2>&1', cwd, ...words]
    const { status, stdout, stderr } = spawnSync(enter[0]!, [...enter.slice(1), ...inside], {
      encoding: 'utf8',
      input: input ?? '',
      env: { PATH: process.env.PATH, LC_ALL: 'C', HOME: directory, ...env },
    })
    if (status === 0) return stdout
    throw new Error(`${words.join(' ')}: ${status}\n${stdout}${stderr}`)
  }
  const podman = (...words: string[]) => run([program, ...words])

  run([
    'sh',
    '-c',
    `tar -C "${debian.path}" --exclude=./systemd -c . | "${program}" import - ${BASE}`,
  ])
  return {
    directory,
    around: ['nsenter', '-t', first!, '-n', '--'],
    run,
    podman,
    compose: (cwd, env, ...words) =>
      run(['podman-compose', '--podman-path', program, ...words], { cwd, env }),
    build: (context, ...words) =>
      void podman('build', '--isolation', 'chroot', '--pull=never', ...words, context),
  }
}

/**
 * Builds an image of this host's own clamd, which knows EICAR and has the settings of ClamAV's
 * image, and of its Redis by the name of Valkey.
 */
export function buildServers(host: ContainerHost, ...names: string[]): void {
  const context = join(host.directory, 'servers')
  const root = join(context, 'root')
  const libraries = join(
    root,
    'usr/lib',
    `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  )
  for (const path of ['usr/bin', 'usr/sbin', 'etc/clamav', 'var/lib/clamav']) {
    mkdirSync(join(root, path), { recursive: true })
  }
  mkdirSync(libraries, { recursive: true })
  for (const name of ['clamd', 'redis-server', 'redis-cli']) {
    const program = programPath(name)
    copyFileSync(program, join(root, 'usr/bin', name))
    const needed = execFileSync('ldd', [program], { encoding: 'utf8' })
    for (const [, library] of needed.matchAll(/=> (\/\S+)/g)) {
      copyFileSync(library!, join(libraries, basename(library!)))
    }
  }
  for (const name of ['server', 'cli']) {
    symlinkSync(`redis-${name}`, join(root, 'usr/bin', `valkey-${name}`))
  }
  const settings = ['TCPSocket 3310', 'Foreground yes', 'DatabaseDirectory /var/lib/clamav']
  writeFileSync(
    join(root, 'etc/clamav/clamd.conf'),
    `${settings.join('\n')}\nAlertExceedsMax yes\n`,
  )
  const signature = join(root, 'var/lib/clamav/x.ndb')
  writeFileSync(signature, `EICAR-Test:0:*:${Buffer.from(EICAR).toString('hex')}\n`)
  writeFileSync(join(context, 'Containerfile'), `FROM ${BASE}\nCOPY root /\nCMD ["clamd"]\n`)
  host.build(context, ...names.flatMap((name) => ['--tag', name]))
}
