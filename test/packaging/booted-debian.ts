import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Debian, debianMissing } from './debian.ts'

/** Where the control groups of systemd are, or undefined. */
const controlGroups = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]

/** Why no systemd can be booted here, or false. */
export const bootMissing: string | false =
  debianMissing || (controlGroups === undefined && 'use a kernel that has cgroup2 mounted')

/** What the first process finds, below "$1": devices of its own, and all that is the kernel's. */
const prepare = `
  mount --bind "$1" "$1" && cd "$1" && mount -t proc proc proc && mount -t sysfs sysfs sys &&
  mount -t cgroup2 cgroup2 sys/fs/cgroup && mount -t tmpfs -o mode=755 tmpfs run &&
  mount -t tmpfs tmpfs tmp && mount -t tmpfs -o mode=755 tmpfs dev &&
  mknod -m 666 dev/null c 1 3 && mknod -m 666 dev/zero c 1 5 && mknod -m 666 dev/full c 1 7 &&
  mknod -m 666 dev/random c 1 8 && mknod -m 666 dev/urandom c 1 9 && mknod -m 666 dev/tty c 5 0 &&
  mkdir dev/shm dev/pts && mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts &&
  ln -s pts/ptmx dev/ptmx && ln -s /proc/self/fd dev/fd &&
  mkdir -p old && pivot_root . old && umount -l /old &&
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test /lib/systemd/systemd --system`

/** A Debian whose systemd runs, in namespaces and a control group of its own. */
export interface BootedDebian {
  /** Where it is seen from outside. */
  readonly path: string
  /** Runs a shell script there as root. */
  run(script: string): { readonly code: number | null; readonly output: string }
  /** Ends all processes, and boots again: what was not enabled does not run. */
  reboot(): Promise<void>
  stop(): Promise<void>
}

/**
 * Boots a Debian that has systemd; `apart` from every network but its own loopback, where whatever listens is
 * in nobody's way. Resolves when it has started what it starts.
 */
export async function boot(debian: Debian, { apart = false } = {}): Promise<BootedDebian> {
  let running = await start(debian, apart)
  return {
    path: debian.path,
    run: (script) => running.run(script),
    stop: () => running.stop(),
    async reboot() {
      await running.stop()
      running = await start(debian, apart)
    },
  }
}

async function start(debian: Debian, apart: boolean): Promise<Pick<BootedDebian, 'run' | 'stop'>> {
  const group = join(controlGroups!, `onescan-boot-${basename(debian.path)}`)
  mkdirSync(group)
  const namespaces = ['--mount', '--pid', '--uts', '--ipc', '--cgroup', '--fork', '--kill-child']
  if (apart) namespaces.push('--net')
  const first = apart ? 'ip link set lo up && ' : ''
  const enter = `echo $$ >${group}/cgroup.procs && exec unshare ${namespaces.join(' ')} sh -c '${first}${prepare}' sh "$1"`
  const child = spawn('/bin/sh', ['-c', enter, 'sh', debian.path], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGKILL') // and with it the first process, so that all of its namespace end
    await ended
    while (readFileSync(join(group, 'cgroup.events'), 'latin1').includes('populated 1')) {
      await new Promise((resolve) => setTimeout(resolve, 20)) // the kernel ends them
    }
    removeGroup(group)
  }
  const run = (script: string) => {
    const [first] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ')
    const net = apart ? ['-n'] : []
    const words = ['-t', first!, '-m', '-p', '-u', '-i', '-C', ...net, '-r', '-w', '/bin/sh', '-c']
    const { status, stdout, stderr } = spawnSync('nsenter', [...words, `exec 2>&1\n${script}`], {
      encoding: 'utf8',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    })
    return { code: status, output: stdout + stderr }
  }
  for (;;) {
    const { output } = run('systemctl is-system-running --wait')
    if (/^(running|degraded)$/m.test(output)) return { run, stop }
    if (child.exitCode !== null) throw new Error(`systemd does not start: ${output}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** With those below it. */
function removeGroup(group: string): void {
  const below = spawnSync('find', [group, '-depth', '-type', 'd'], { encoding: 'utf8' }).stdout
  for (const directory of below.trim().split('\n')) rmdirSync(directory)
}
