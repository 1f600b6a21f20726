// The host on which the tests run. For root it is this machine with an overlay over its files, in a mount namespace.
// The packages that tests need are installed below build/ and appear at their usual paths. Changes below /etc, /usr and
// /var end with the namespace, so a machine that handles mail, or has a clamd, does not change. Other users cannot mount
// over files of root: their tests run on the machine as it is.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { firstLine } from './apt.mjs'

/** The environment variable that is set on this host. */
const MARK = 'ONESCAN_TEST_HOST'
/** The directory with the overlays over directories of the machine. */
export const layerOf = (root) => join(root, 'build/test-host')

/**
 * The script that enters the host. "$1" is the overlay; "$2" is 'build' to change it, or 'run' for changes that end with
 * the namespace; "$3" is an empty directory; "$4" is the checkout, which appears at "$5", where all users may enter it.
 * /run is empty there. Files of the network, such as resolv.conf, may be links into it and are copied.
 */
const MOUNT = `
layer=$1 purpose=$2 scratch=$3 checkout=$4 place=$5
shift 5
test -n "$place" || place=$scratch/none
mount -t tmpfs -o mode=755 tmpfs "$scratch"
mkdir "$scratch/layer" "$scratch/tmp" "$scratch/here" "$scratch/none"
mount --bind "$layer" "$scratch/layer"
mount --bind "$checkout" "$scratch/here"
mount --bind /var/tmp "$scratch/tmp"
for name in resolv.conf hosts hostname; do cat "/etc/$name" >"$scratch/$name" 2>/dev/null || :; done
for name in bin etc lib lib32 lib64 libx32 opt sbin usr var; do
  test -d "/$name" && ! test -L "/$name" || continue
  own=$scratch/own/$name
  test "$purpose" = run || own=$scratch/layer/$name
  mkdir -p "$own" "$scratch/layer/.work/$name" "$scratch/work/$name" "$scratch/layer/$name"
  if test "$purpose" = run; then
    options=lowerdir=$scratch/layer/$name:/$name,upperdir=$own,workdir=$scratch/work/$name
  else
    options=lowerdir=/$name,upperdir=$own,workdir=$scratch/layer/.work/$name
  fi
  mount -t overlay -o "$options" overlay "/$name"
done
mount --bind "$scratch/tmp" /var/tmp
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 1777 /run/lock
for name in resolv.conf hosts hostname; do
  cmp -s "$scratch/$name" "/etc/$name" || { rm -f "/etc/$name"; cat "$scratch/$name" >"/etc/$name"; }
done
case $checkout in /bin/* | /etc/* | /lib*/* | /opt/* | /sbin/* | /usr/* | /var/*) mount --bind "$scratch/here" "$checkout" ;; esac
case $purpose:$(stat -c %A "$scratch/here") in
  build:* | *[xt]) mount --bind "$scratch/here" "$place" ;;
  *) # A directory that other users may not enter. Changes in it end with the namespace, too.
    mkdir -p "$scratch/own/checkout" "$scratch/work/checkout"
    mount -t overlay -o "lowerdir=$scratch/here,upperdir=$scratch/own/checkout,workdir=$scratch/work/checkout" overlay "$place" ;;
esac
cd "$place"
exec "$@"
`

/** Builds the overlay again if the machine's packages or accounts have changed since. */
function freshLayer(root) {
  const layer = layerOf(root)
  const hash = createHash('sha256')
  for (const file of ['/etc/passwd', '/etc/group', '/var/lib/dpkg/status'])
    hash.update(readFileSync(file))
  const stamp = hash.digest('hex')
  const kept = `${layer}/.made-over`
  if (existsSync(kept) && readFileSync(kept, 'utf8') === stamp) return
  mkdirSync(layer, { recursive: true })
  // It may be a mount point.
  for (const name of readdirSync(layer)) rmSync(join(layer, name), { recursive: true, force: true })
  writeFileSync(kept, stamp)
}

/** statfs(2): the type of overlayfs, which does not allow a layer on another overlay. */
const OVERLAY = 0x794c7630
/** The environment variable that is set where the layer is a tmpfs. */
const LAYER_MARK = 'ONESCAN_TEST_LAYER'

/**
 * In a container, where all files are on an overlay: runs this command again where the layer is a tmpfs, and exits with its
 * code. The packages are then installed at each run. Returns elsewhere.
 */
export function keepLayerInMemory(root, words) {
  if (process.getuid() !== 0 || process.env[LAYER_MARK]) return
  const layer = layerOf(root)
  mkdirSync(layer, { recursive: true })
  if (statfsSync(layer).type !== OVERLAY) return
  const script = 'mount -t tmpfs -o mode=755 tmpfs "$0" && exec "$@"'
  const namespace = ['--mount', '--propagation', 'private', '--', '/bin/sh', '-c', script, layer]
  const { status, signal } = spawnSync('unshare', [...namespace, ...words], {
    stdio: 'inherit',
    env: { ...process.env, [LAYER_MARK]: 'tmpfs' },
  })
  process.exit(status ?? 128 + constants.signals[signal])
}

/** Runs a command on the host, as spawnSync() does. `place` is the path of the checkout there. */
function runThere(root, purpose, place, command, options) {
  const layer = layerOf(root)
  const scratch = mkdtempSync(join(tmpdir(), 'onescan-host-'))
  const namespace = ['--mount', '--propagation', 'private', '--', '/bin/sh', '-euc', MOUNT, 'sh']
  const run = spawnSync(
    'unshare',
    [...namespace, layer, purpose, scratch, root, place, ...command],
    { ...options, env: { ...process.env, ...options.env } },
  )
  rmdirSync(scratch)
  return run
}

/** Returns the reason why this machine can have no such host, or false. */
export function hostMissing(root) {
  if (process.getuid() !== 0) return 'only root can lay files over those of the machine'
  if (!existsSync('/etc/debian_version')) return 'this is not Debian'
  freshLayer(root)
  for (const purpose of ['build', 'run']) {
    const { status, stderr, error } = runThere(root, purpose, '', ['true'], { encoding: 'utf8' })
    if (status !== 0) return `overlayfs cannot be mounted: ${error?.message ?? firstLine(stderr)}`
  }
  return false
}

/** Installs the packages that tests need into the overlay, and shows the output. Returns the exit code. */
export const buildHost = (root, command) =>
  runThere(root, 'build', '', command, { stdio: 'inherit', env: { [MARK]: '1' } }).status

/** Returns whether all users may enter the directory and those above it. */
const mayEnter = (path) => (statSync(path).mode & 1) === 1
const isReachable = (path) => path === '/' || (mayEnter(path) && isReachable(dirname(path)))

/**
 * Runs this command again on the host of the tests, and exits with its code. The checkout is at a path there that all
 * users may enter, because tests run its programs as other users, and a home directory may have mode 0700. Returns if
 * the command already runs there.
 */
export function enterHost(root, words, env) {
  if (process.env[MARK]) return
  const place = isReachable(root) ? root : mkdtempSync(join(tmpdir(), 'onescan-checkout-'))
  const options = { stdio: 'inherit', env: { ...env, [MARK]: '1' } }
  if (place !== root) spawnSync('chmod', ['755', place])
  const { status, signal } = runThere(root, 'run', place, words, options)
  if (place !== root) rmdirSync(place)
  process.exit(status ?? 128 + constants.signals[signal])
}

export const isOnHost = () => process.env[MARK] !== undefined
